use trunkline_model::Address;

use super::{device::device_table, import::import, minute, odd, once};
use crate::{
    admin::{AccountView, Channel, Command, Reply},
    cli::AccountCommand,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline account …`.
pub(crate) async fn account(place: Place, command: AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Add { address, profile, output } => {
            let account = one(place, Command::AccountAdd { address, profile }).await?;
            if output.json { print::json(&account) } else { added(&account) }
        }
        AccountCommand::List(output) => {
            let accounts = all(place).await?;
            if output.json {
                print::json(&serde_json::json!({ "accounts": accounts }))
            } else {
                list(&accounts)
            }
        }
        AccountCommand::Show { address, output } => {
            let account = one(place, Command::AccountShow { address }).await?;
            if output.json { print::json(&account) } else { show(&account) }
        }
        AccountCommand::Set { address, profile, output } => {
            if profile.is_empty() {
                return Err(
                    Failure::usage("nothing to change was given").advise("trunkline account set --help")
                );
            }
            let account = one(place, Command::AccountSet { address, change: profile }).await?;
            if output.json { print::json(&account) } else { show(&account) }
        }
        AccountCommand::Disable { address, output } => enable(place, address, false, output.json).await,
        AccountCommand::Enable { address, output } => enable(place, address, true, output.json).await,
        AccountCommand::Remove { address, consent, output } => {
            if !consent.yes {
                print::consent(&format!("{address}, its devices and its mailbox will be gone for good."))?;
            }
            let account = one(place, Command::AccountRemove { address }).await?;
            if output.json { print::json(&account) } else { done(&account, "is removed") }
        }
        AccountCommand::Import(args) => import(place, args).await,
    }
}

async fn enable(place: Place, address: Address, enabled: bool, json: bool) -> Result<(), Failure> {
    let account = one(place, Command::AccountEnable { address, enabled }).await?;
    if json {
        return print::json(&account);
    }
    done(&account, if enabled { "is enabled" } else { "is disabled; its sessions are ended" })
}

async fn one(place: Place, command: Command) -> Result<AccountView, Failure> {
    match once(place, command).await? {
        Reply::Account { account } => Ok(*account),
        _ => Err(odd()),
    }
}

/// Every account, page by page.
async fn all(place: Place) -> Result<Vec<AccountView>, Failure> {
    let channel = Channel::open(place).await?;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let Reply::Accounts { accounts, next } = channel.ask(Command::AccountList { after }).await? else {
            return Err(odd());
        };
        all.extend(accounts);
        if next.is_none() {
            channel.close().await;
            return Ok(all);
        }
        after = next;
    }
}

fn added(account: &AccountView) -> Result<(), Failure> {
    let home = match account.backend.as_str() {
        "local" => format!(
            "no backend declares the domain {}, so the account is local: it lives on the relay itself",
            account.address.domain()
        ),
        kind => format!("it is served by the {kind} backend of {}", account.address.domain()),
    };
    print::text(&format!(
        "{} is added; {home}.\nA phone may join with a key: trunkline activation issue {}\n",
        account.address, account.address
    ))
}

fn done(account: &AccountView, what: &str) -> Result<(), Failure> {
    print::text(&format!("{} {what}.\n", account.address))
}

fn list(accounts: &[AccountView]) -> Result<(), Failure> {
    if accounts.is_empty() {
        eprintln!(
            "There are no accounts yet. Add one: trunkline account add sip:alice@example.test --name \"Alice\""
        );
        return Ok(());
    }
    let rows: Vec<_> = accounts.iter().map(row).collect();
    print::table(["ADDRESS", "NAME", "STATE", "BACKEND", "ADDED"], &rows)
}

fn row(account: &AccountView) -> [String; 5] {
    [
        account.address.to_string(),
        account.profile.display_name.clone(),
        state(account).to_owned(),
        account.backend.clone(),
        minute(&account.created_at),
    ]
}

fn show(account: &AccountView) -> Result<(), Failure> {
    let profile = &account.profile;
    let added = minute(&account.created_at);
    let fields = [
        ("address", account.address.to_string()),
        ("name", profile.display_name.clone()),
        ("e-mail", profile.email.clone()),
        ("title", profile.title.clone()),
        ("phone", profile.work_phone.clone()),
        ("mobile", profile.mobile_phone.clone()),
        ("department", profile.department.clone()),
        ("company", profile.company.clone()),
        ("office", profile.office.clone()),
        ("state", state(account).to_owned()),
        ("backend", account.backend.clone()),
        ("added", format!("{added} UTC")),
    ];
    let lines = fields.iter().filter(|(_, value)| !value.is_empty());
    print::text(&lines.map(|(name, value)| format!("{name:<12}{value}\n")).collect::<String>())?;
    match account.devices.as_deref() {
        None => Ok(()),
        Some([]) => print::text("devices     none yet\n"),
        Some(devices) => {
            print::text("\n")?;
            device_table(devices)
        }
    }
}

fn state(account: &AccountView) -> &'static str {
    if account.enabled { "enabled" } else { "disabled" }
}
