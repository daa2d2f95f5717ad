use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::lookup_host, sync::Notify, time::timeout};

/// How often DNS is asked where the servers are.
const BETWEEN: Duration = Duration::from_secs(5 * 60);
/// How long DNS may take for one name.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the servers that may connect are, by their names. A name that DNS does not know for a while keeps the
/// addresses that it had.
#[derive(Debug, Default)]
pub struct Known {
    addresses: Mutex<BTreeMap<String, Vec<IpAddr>>>,
    changed: Notify,
}

impl Known {
    /// Asks DNS for all names of `names`, now and then and after [`Known::changed`]; goes on until it is dropped.
    pub async fn keep(&self, names: impl Fn() -> Vec<String>) {
        loop {
            let names = names();
            self.addresses().retain(|name, _| names.contains(name));
            for name in names {
                let looked_up = timeout(PATIENCE, lookup_host((name.clone(), 0))).await;
                if let Ok(Ok(found)) = looked_up {
                    self.learn(name, found.map(|at| at.ip()));
                }
            }
            let _ = timeout(BETWEEN, self.changed.notified()).await;
        }
    }

    /// Has the names looked up again soon.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// Where a server is.
    pub fn learn(&self, name: String, addresses: impl IntoIterator<Item = IpAddr>) {
        let addresses = addresses.into_iter().map(|address| address.to_canonical()).collect();
        self.addresses().insert(name, addresses);
    }

    /// Whether a server is there; None when it is not known where any of them are.
    pub(super) fn is_home(&self, address: IpAddr) -> Option<bool> {
        let (addresses, address) = (self.addresses(), address.to_canonical());
        let mut all = addresses.values().flatten().peekable();
        all.peek()?;
        Some(all.any(|known| *known == address))
    }

    fn addresses(&self) -> MutexGuard<'_, BTreeMap<String, Vec<IpAddr>>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
