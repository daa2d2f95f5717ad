//! What tests turn, script and read.

use std::sync::atomic::Ordering;

use anyhow::Result;
use tokio::time::timeout;
use trunkline_sip::{
    Message,
    body::{
        Categories,
        contact::ContactList,
        deregistration::Deregistration,
        presence::ContactCard,
        roaming::{Container, Member},
    },
};

use crate::patience;

use super::{Act, FrontEnd, Heading, Package, Piece, Traffic, script::Rule, user::User};

impl FrontEnd {
    /// Lets whoever shows a certificate for `host` register every user; others with a certificate are challenged.
    pub fn trust(&self, host: &str) {
        self.enter(|house| house.trusted.push(host.to_ascii_lowercase()));
    }

    /// Reaches applications by connections of its own to the host and port of their Contact, not by theirs. Every host's
    /// name leads to this machine.
    pub fn dial_back(&self, on: bool) {
        self.enter(|house| house.settings.dial_back = on);
    }

    /// Fails to connect to applications from now on, as behind a firewall; connections that stand stay.
    pub fn drop_dials(&self, on: bool) {
        self.enter(|house| house.settings.drops_dials = on);
    }

    /// Dials not the applications themselves but a proxy at this port, which stands for them and shows their certificates.
    pub fn behind(&self, proxy: Option<u16>) {
        self.enter(|house| house.settings.edge = proxy);
    }

    /// Whether the answer to a SUBSCRIBE is the first notification too; so it is at first.
    pub fn piggyback(&self, on: bool) {
        self.enter(|house| house.settings.piggyback = on);
    }

    /// Asks clients without a certificate to prove who they are, which none here can.
    pub fn challenge(&self, on: bool) {
        self.enter(|house| house.settings.challenge = on);
    }

    /// The longest that a registration lasts, in seconds.
    pub fn expire_after(&self, seconds: u32) {
        self.enter(|house| house.settings.expires = seconds);
    }

    /// Writes at most so many bytes at a time.
    pub fn segment(&self, bytes: usize) {
        self.shared.segment.store(bytes, Ordering::Relaxed);
    }

    /// Forwards as a pool of several servers does: two Record-Routes, and Content-Length between the Vias.
    pub fn pooled(&self, on: bool) {
        self.enter(|house| house.settings.pooled = on);
    }

    /// Begins a connection of its own with NEGOTIATE, which asks for compression.
    pub fn negotiate(&self, on: bool) {
        self.enter(|house| house.settings.negotiate = on);
    }

    /// The seconds after which a client has to send a keep-alive.
    pub fn keep_alive(&self, seconds: u32) {
        self.enter(|house| house.settings.keep_alive = seconds);
    }

    /// Lets all colleagues see a user's presence, as the user's first client would.
    pub fn open_presence(&self, user: &str) {
        self.enter(|house| {
            let address = house.address(user);
            if let Some(user) = house.users.get_mut(&address) {
                let container = user.container(200);
                container.version += 1;
                container.members.push(Member::SameEnterprise);
            }
            house.tell_watchers(&address);
        });
    }

    /// What the directory has of a user: name and address are the user's own.
    pub fn set_card(&self, user: &str, card: ContactCard) {
        self.enter(|house| {
            let address = house.address(user);
            if let Some(user) = house.users.get_mut(&address) {
                user.card = card;
            }
            house.tell_watchers(&address);
        });
    }

    /// Tells those who batch a subscription to this user to subscribe elsewhere: at a pool's address, or at the user's
    /// own when it is empty.
    pub fn move_user(&self, user: &str, pool: &str) {
        self.enter(|house| {
            let address = house.address(user);
            if let Some(user) = house.users.get_mut(&address) {
                user.elsewhere = Some(pool.to_owned());
            }
        });
    }

    /// A user's list as it is now.
    pub fn contacts(&self, user: &str) -> ContactList {
        self.of(user, |user| user.contacts.clone()).unwrap_or_default()
    }

    /// Gives a user another list, of which clients that are signed in are not told.
    pub fn set_contacts(&self, user: &str, list: ContactList) {
        self.enter(|house| {
            let address = house.address(user);
            if let Some(user) = house.users.get_mut(&address) {
                user.contacts = list;
            }
        });
    }

    /// What one user sees of another's presence; nothing if there is no such user.
    pub fn presence(&self, user: &str, watcher: &str) -> Categories {
        let watcher = self.address(watcher);
        self.of(user, |user| user.seen_by(&watcher, &[])).unwrap_or_default()
    }

    /// Who may see what of a user.
    pub fn containers(&self, user: &str) -> Vec<Container> {
        self.of(user, |user| user.containers.clone()).unwrap_or_default()
    }

    /// A user blocks another at a client that is not here, or no longer.
    pub fn set_blocked(&self, user: &str, other: &str, blocked: bool) {
        let member = Member::User(format!("sip:{}", self.address(other)));
        self.enter(|house| {
            let address = house.address(user);
            let Some(user) = house.users.get_mut(&address) else { return };
            let container = user.container(Container::BLOCKED);
            container.version += 1;
            container.members.retain(|known| *known != member);
            container.members.extend(blocked.then_some(member));
            house.tell_members(&address);
        });
    }

    /// How many of a user's clients are signed in.
    pub fn endpoints(&self, user: &str) -> usize {
        self.of(user, |user| user.endpoints.len()).unwrap_or_default()
    }

    /// The availability of a user as colleagues see it, in numbers.
    pub fn availability(&self, user: &str) -> Option<u32> {
        self.of(user, User::availability)?
    }

    /// Signs all clients of a user out; `diagnostics` is the value of `ms-diagnostics-public`.
    pub fn deregister(&self, user: &str, why: &Deregistration, diagnostics: &str) {
        self.enter(|house| house.deregister(&house.address(user), why, diagnostics));
    }

    /// Loses the next notification of a package to every client of a user: a gap in its CSeq.
    pub fn lose_notification(&self, user: &str, package: Package) {
        self.enter(|house| {
            let address = house.address(user);
            let those = house.subscriptions.of(&address).filter(|known| known.package == package);
            let those: Vec<_> = those.map(|known| known.id).collect();
            for id in those {
                if let Some(known) = house.subscriptions.get_mut(id) {
                    known.cseq += 1;
                }
            }
        });
    }

    /// The next received message that fits meets with this instead of the usual.
    pub fn on_received(&self, act: Act, fits: impl Fn(&Message) -> bool + Send + 'static) {
        self.on(Heading::Received, 1, act, fits);
    }

    /// The next message to be sent that fits meets with this instead.
    pub fn on_sending(&self, act: Act, fits: impl Fn(&Message) -> bool + Send + 'static) {
        self.on(Heading::Sent, 1, act, fits);
    }

    /// The next so many messages that fit meet with this instead.
    pub fn on(
        &self,
        heading: Heading,
        times: usize,
        act: Act,
        fits: impl Fn(&Message) -> bool + Send + 'static,
    ) {
        self.enter(|house| house.script.add(Rule { heading, fits: Box::new(fits), act, times }));
    }

    /// How many scripted acts are still to come.
    pub fn pending(&self) -> usize {
        self.enter(|house| house.script.pending())
    }

    /// Forgets all scripted acts.
    pub fn clear_script(&self) {
        self.enter(|house| house.script.clear());
    }

    /// Closes every connection; listeners stay.
    pub fn cut(&self) {
        self.enter(|house| {
            let lines: Vec<_> = house.lines.keys().copied().collect();
            lines.into_iter().for_each(|line| house.cut(line));
        });
    }

    /// Stops or goes on reading what comes: connections stay open, and nothing is answered meanwhile.
    pub fn hang(&self, on: bool) {
        self.shared.hung.send_replace(on);
    }

    /// Sends bytes as they are to every client of a user, such as a keep-alive or two messages at once.
    pub fn send_raw(&self, user: &str, bytes: &[u8]) {
        self.enter(|house| {
            for key in house.keys_of(user) {
                if let Some(line) = house.line_to(&key) {
                    house.send_raw(line, bytes.to_vec());
                }
            }
        });
    }

    /// Sends a message of the test's making to every client of a user.
    pub fn send(&self, user: &str, message: impl Into<Message>) {
        let message = message.into();
        self.enter(|house| {
            for key in house.keys_of(user) {
                if let Some(line) = house.line_to(&key) {
                    house.send(line, message.clone());
                }
            }
        });
    }

    /// Forgets the registrations of a user and tells nobody, as after they expired.
    pub fn forget(&self, user: &str) {
        self.enter(|house| house.keys_of(user).iter().for_each(|key| house.sign_out(key)));
    }

    /// What trusted applications did, or left undone, that a real server or its clients would not have stood; empty if all
    /// is well. It waits until they have answered every request and acknowledged every 2xx to an INVITE of theirs, and
    /// complains of what is still open when patience ends.
    pub async fn complaints(&self) -> Vec<String> {
        let mut owed = self.enter(|house| house.ledger.watch());
        // In either case the ledger is asked.
        let _ = timeout(patience(), owed.wait_for(|owed| *owed == 0)).await;
        self.enter(|house| {
            house.judge.complaints().iter().cloned().chain(house.ledger.complaints()).collect()
        })
    }

    /// The same of what they did so far, without what they may still do.
    pub fn complaints_so_far(&self) -> Vec<String> {
        self.enter(|house| house.judge.complaints().to_vec())
    }

    /// Waits no more for what is owed now: for tests that end, or kill the application, in the middle of something.
    pub fn pardon(&self) {
        self.enter(|house| house.ledger.forgive_all());
    }

    /// What was no message, or one only with good will: the bytes in which it was.
    pub fn odd(&self) -> Vec<Piece> {
        self.shared.log.odd()
    }

    /// Whether what passes is kept to be read; so it is at first. Otherwise memory does not grow with it.
    pub fn keep_traffic(&self, on: bool) {
        self.shared.log.keep(on);
    }

    /// How many users have a client that is signed in.
    pub fn signed_in(&self) -> usize {
        self.enter(|house| house.users.values().filter(|user| !user.endpoints.is_empty()).count())
    }

    /// Everything that passed so far.
    pub fn traffic(&self) -> Vec<Traffic> {
        self.shared.log.all()
    }

    /// How many messages passed so far: where [`FrontEnd::until_after`] begins.
    pub fn mark(&self) -> usize {
        self.traffic().len()
    }

    /// The first that fits of all that passed so far.
    pub fn find<T>(&self, pick: impl Fn(&Traffic) -> Option<T>) -> Option<T> {
        self.shared.log.find(0, pick)
    }

    /// Waits for something to pass; what passed before counts too.
    pub async fn until<T>(&self, what: &str, pick: impl Fn(&Traffic) -> Option<T>) -> Result<T> {
        self.shared.log.until(0, what, pick).await
    }

    /// Waits for something to pass after a mark.
    pub async fn until_after<T>(
        &self,
        mark: usize,
        what: &str,
        pick: impl Fn(&Traffic) -> Option<T>,
    ) -> Result<T> {
        self.shared.log.until(mark, what, pick).await
    }

    /// Keeps the bytes of all connections from now on, and gives those that were kept since it was last called.
    pub fn record(&self) -> Vec<Piece> {
        self.shared.log.record()
    }

    /// Everything that passed so far, as it stood on the wire.
    pub fn transcript(&self) -> String {
        self.shared.log.transcript()
    }
}
