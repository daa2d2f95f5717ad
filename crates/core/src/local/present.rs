use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use trunkline_model::{AccountId, Address, Presence};

use crate::port::{Inlet, Person};

/// Who is signed in on the embedded IM system, what they show, and who watches whom without a roster entry.
#[derive(Default)]
pub(super) struct Presents {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    people: HashMap<Address, Present>,
    addresses: HashMap<AccountId, Address>,
    watchers: HashMap<Address, HashSet<AccountId>>,
}

struct Present {
    inlet: Arc<dyn Inlet>,
    presence: Presence,
}

impl Presents {
    pub(super) fn enter(&self, person: &Person, inlet: Arc<dyn Inlet>) {
        let mut state = self.state();
        state.addresses.insert(person.account, person.address.clone());
        state.people.insert(person.address.clone(), Present { inlet, presence: Presence::offline() });
    }

    /// Ends the presence of the line with this inlet; one that another line has replaced ends nothing.
    pub(super) fn leave(&self, person: &Person, inlet: &Arc<dyn Inlet>) {
        let mut state = self.state();
        if !state.people.get(&person.address).is_some_and(|present| Arc::ptr_eq(&present.inlet, inlet)) {
            return;
        }
        state.addresses.remove(&person.account);
        state.people.remove(&person.address);
        state.watchers.retain(|_, watchers| {
            watchers.remove(&person.account);
            !watchers.is_empty()
        });
    }

    pub(super) fn presence(&self, who: &Address) -> Presence {
        self.state().people.get(who).map_or_else(Presence::offline, |present| present.presence.clone())
    }

    /// Notes what a person shows on the line with this inlet; true when it is news.
    pub(super) fn publish(&self, who: &Address, inlet: &Arc<dyn Inlet>, presence: &Presence) -> bool {
        match self.state().people.get_mut(who) {
            Some(present) if Arc::ptr_eq(&present.inlet, inlet) && present.presence != *presence => {
                present.presence = presence.clone();
                true
            }
            _ => false,
        }
    }

    pub(super) fn inlet(&self, who: &Address) -> Option<Arc<dyn Inlet>> {
        self.state().people.get(who).map(|present| Arc::clone(&present.inlet))
    }

    /// The address and the inlet of an account that is signed in.
    pub(super) fn signed_in(&self, account: AccountId) -> Option<(Address, Arc<dyn Inlet>)> {
        let state = self.state();
        let address = state.addresses.get(&account)?;
        Some((address.clone(), Arc::clone(&state.people.get(address)?.inlet)))
    }

    pub(super) fn watch(&self, watcher: AccountId, who: &Address, watch: bool) {
        let mut state = self.state();
        let watchers = state.watchers.entry(who.clone()).or_default();
        if watch {
            watchers.insert(watcher);
        } else {
            watchers.remove(&watcher);
        }
        if watchers.is_empty() {
            state.watchers.remove(who);
        }
    }

    pub(super) fn watchers(&self, who: &Address) -> Vec<AccountId> {
        self.state().watchers.get(who).into_iter().flatten().copied().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use trunkline_model::{Availability, CallEnd, Contact, MessageKey, Profile};

    use super::*;
    use crate::port::{Incoming, InletError, LineState};

    // Not of size zero: two of those may share an address.
    struct Deaf(#[expect(dead_code, reason = "it only takes up room")] u8);

    #[async_trait]
    impl Inlet for Deaf {
        async fn receive(&self, _: Incoming) -> Result<(), InletError> {
            Ok(())
        }
        async fn called(&self, _: &Address, _: Option<Profile>) -> Result<(), InletError> {
            Ok(())
        }
        async fn call_ended(&self, _: &Address, _: Option<&str>, _: CallEnd) -> Result<(), InletError> {
            Ok(())
        }
        async fn delivered(&self, _: &Address, _: MessageKey) -> Result<(), InletError> {
            Ok(())
        }
        async fn failed(&self, _: MessageKey, _: bool, _: &str) -> Result<(), InletError> {
            Ok(())
        }
        fn typing(&self, _: &Address, _: bool) {}
        fn contact_changed(&self, _: Contact) {}
        fn roster_changed(&self) {}
        fn state_changed(&self, _: LineState) {}
    }

    fn inlet() -> Arc<dyn Inlet> {
        Arc::new(Deaf(0))
    }

    #[test]
    fn a_line_that_was_replaced_takes_nobody_along() {
        let person = Person { account: AccountId(1), address: "ann@example.org".parse().unwrap() };
        let (presents, old, new) = (Presents::default(), inlet(), inlet());
        let online = Presence { availability: Availability::Available, ..Presence::offline() };
        presents.enter(&person, Arc::clone(&old));
        presents.enter(&person, Arc::clone(&new));
        assert!(presents.publish(&person.address, &new, &online));

        assert!(!presents.publish(&person.address, &old, &Presence::offline()));
        presents.leave(&person, &old);
        assert_eq!(presents.presence(&person.address), online);
        assert!(presents.signed_in(person.account).is_some());

        presents.leave(&person, &new);
        assert!(presents.signed_in(person.account).is_none());
    }
}
