use trunkline_model::{Address, DeviceId};

use super::{minute, odd, once};
use crate::{
    admin::{Channel, Command, DeviceView, Reply},
    cli::{Consent, DeviceCommand},
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline device …`.
pub(crate) async fn device(place: Place, command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::List { address, output } => {
            let devices = match address {
                Some(address) => of(place, address).await?,
                None => all(place).await?,
            };
            if output.json { print::json(&serde_json::json!({ "devices": devices })) } else { list(&devices) }
        }
        DeviceCommand::Revoke { device, consent, output } => {
            let revoked = revoke(place, device, consent).await?;
            if output.json {
                return print::json(&revoked);
            }
            print::text(&format!(
                "{} of {} is revoked; its token is void.\n",
                named(&revoked),
                revoked.address
            ))
        }
    }
}

async fn of(place: Place, address: Address) -> Result<Vec<DeviceView>, Failure> {
    match once(place, Command::AccountShow { address }).await? {
        Reply::Account { account } => Ok(account.devices.unwrap_or_default()),
        _ => Err(odd()),
    }
}

/// The devices of every account, page by page.
async fn all(place: Place) -> Result<Vec<DeviceView>, Failure> {
    let channel = Channel::open(place).await?;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let Reply::Devices { devices, next } = channel.ask(Command::DeviceList { after }).await? else {
            return Err(odd());
        };
        all.extend(devices);
        if next.is_none() {
            channel.close().await;
            return Ok(all);
        }
        after = next;
    }
}

async fn revoke(place: Place, device: DeviceId, consent: Consent) -> Result<DeviceView, Failure> {
    if !consent.yes {
        let view = first(once(place.clone(), Command::DeviceShow { device }).await?)?;
        print::consent(&format!(
            "{} of {} will be signed out for good; it can come back only with a new access key.",
            named(&view),
            view.address
        ))?;
    }
    first(once(place, Command::DeviceRevoke { device }).await?)
}

fn first(reply: Reply) -> Result<DeviceView, Failure> {
    match reply {
        Reply::Devices { devices, .. } => devices.into_iter().next().ok_or_else(odd),
        _ => Err(odd()),
    }
}

fn named(device: &DeviceView) -> String {
    if device.name.is_empty() {
        format!("device {}", device.id)
    } else {
        format!("device “{}”", device.name)
    }
}

fn list(devices: &[DeviceView]) -> Result<(), Failure> {
    if devices.is_empty() {
        eprintln!(
            "There are no devices yet. A phone may join with a key: trunkline activation issue ADDRESS"
        );
        return Ok(());
    }
    device_table(devices)
}

/// Devices in columns.
pub(super) fn device_table(devices: &[DeviceView]) -> Result<(), Failure> {
    let rows: Vec<_> = devices.iter().map(row).collect();
    print::table(["DEVICE", "ADDRESS", "NAME", "PLATFORM", "STATE", "LAST SEEN", "BEHIND"], &rows)
}

fn row(device: &DeviceView) -> [String; 7] {
    [
        device.id.to_string(),
        device.address.to_string(),
        device.name.clone(),
        format!("{} {}", device.platform, device.app_version).trim().to_owned(),
        if device.revoked { "revoked" } else { "active" }.to_owned(),
        minute(&device.last_seen),
        device.behind.to_string(),
    ]
}
