//! Who may see the person, and who watches.

use std::collections::BTreeSet;

use trunkline_sip::body::roaming::{
    self, Container, ContainerChange, Member, RoamingData, SetContainerMembers, SetSubscribers, Subscriber,
};

use trunkline_model::Address;

use super::{
    block::Blocks,
    event::{Answer, Body, ChangeId},
    out::Out,
};

/// How often the containers are tried anew after a conflict.
const TRIES: u8 = 3;
/// Most watchers that are acknowledged in one request, and remembered.
const WATCHERS: (usize, usize) = (100, 2_000);

/// The containers and the watchers.
#[derive(Default)]
pub(super) struct Access {
    containers: Vec<Container>,
    blocks: Blocks,
    /// Whether this registration was told of all whom the person blocks.
    knows_blocked: bool,
    /// Whether the containers have to be filled.
    closed: bool,
    tries: u8,
    watchers: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

/// What was asked of the server.
pub(super) enum Plea {
    Containers,
    Block(Address, Vec<ContainerChange>),
    Watchers(Vec<String>),
}

impl Access {
    /// A new registration: what was tried before may be tried again.
    pub(super) fn open(&mut self) {
        let (containers, blocks) = (std::mem::take(&mut self.containers), std::mem::take(&mut self.blocks));
        *self = Self { containers, blocks, ..Self::default() };
    }

    /// The way to the server is lost.
    pub(super) fn lose(&mut self, out: &mut Out) {
        self.blocks.lose(out);
    }

    /// The person blocks somebody, or no longer.
    pub(super) fn want(&mut self, id: ChangeId, who: Address, blocked: bool, most: usize, out: &mut Out) {
        self.blocks.want(id, who, blocked, most, out);
    }

    /// Whether the person blocks somebody.
    pub(super) fn blocks(&self, who: &Address) -> bool {
        self.blocks.holds(who, &self.containers)
    }

    /// Takes what a notification says. The first one says all; a later one only the containers that it names.
    pub(super) fn hear(&mut self, data: &mut RoamingData, first: bool, out: &mut Out) {
        let containers = data.containers.take();
        if first {
            self.containers.clear();
        }
        let names = |one: &Container| one.id == Container::BLOCKED;
        self.knows_blocked |= containers.as_ref().is_some_and(|all| first || all.iter().any(names));
        if containers.is_some() || first {
            for container in containers.unwrap_or_default() {
                self.containers.retain(|known| known.id != container.id);
                self.containers.push(container);
            }
            let visible = |member: &Member| matches!(member, Member::SameEnterprise | Member::Federated);
            if self.knows_blocked {
                self.blocks.tell(&self.containers, out);
            }
            self.closed = !self.containers.iter().flat_map(|one| &one.members).any(visible);
        }
        for watcher in data.subscribers.take().unwrap_or_default() {
            let known = self.acknowledged.contains(&watcher.user);
            if !watcher.acknowledged && !known && self.watchers.len() < WATCHERS.1 {
                self.watchers.insert(watcher.user);
            }
        }
    }

    /// Lets colleagues and partners see the person, if nobody of them does: without it no one would.
    pub(super) fn unlock(&self) -> Option<(Body, Plea)> {
        let text = SetContainerMembers(opened(&self.containers)).write();
        self.closed.then_some((Body { media: roaming::CONTAINERS_TYPE, text }, Plea::Containers))
    }

    /// Blocks or unblocks the next whom the person wants to.
    pub(super) fn block(&mut self, out: &mut Out) -> Option<(Body, Plea)> {
        let (who, changes) = self.blocks.next(&self.containers, out)?;
        let text = SetContainerMembers(changes.clone()).write();
        Some((Body { media: roaming::CONTAINERS_TYPE, text }, Plea::Block(who, changes)))
    }

    /// Tells the server that the person knows of some watchers.
    pub(super) fn acknowledge(&mut self) -> Option<(Body, Plea)> {
        let some: Vec<String> = self.watchers.iter().take(WATCHERS.0).cloned().collect();
        if some.is_empty() {
            return None;
        }
        self.watchers.retain(|user| !some.contains(user));
        let yes =
            |user: &String| Subscriber { user: user.clone(), acknowledged: true, ..Subscriber::default() };
        let text = SetSubscribers(some.iter().map(yes).collect()).write();
        Some((Body { media: roaming::SUBSCRIBERS_TYPE, text }, Plea::Watchers(some)))
    }

    /// Takes the answer; false when the truth has to be asked for.
    pub(super) fn answered(&mut self, plea: Plea, answer: &Answer, out: &mut Out) -> bool {
        match plea {
            Plea::Containers => {
                if matches!(answer, Answer::Refused { status: 409, .. } | Answer::Lost) && self.tries < TRIES
                {
                    self.tries += 1;
                    return false;
                }
                if !matches!(answer, Answer::Accepted(_)) {
                    tracing::warn!(?answer, "colleagues were not let see the person's presence");
                }
                self.closed = false;
            }
            Plea::Block(who, made) => {
                let is_known = self.blocks.answered(&who, &made, answer, &mut self.containers, out);
                if self.knows_blocked {
                    self.blocks.tell(&self.containers, out);
                }
                return is_known;
            }
            Plea::Watchers(all) => {
                if !matches!(answer, Answer::Accepted(_)) {
                    tracing::debug!(?answer, "watchers were not acknowledged");
                }
                if self.acknowledged.len() < WATCHERS.1 {
                    self.acknowledged.extend(all);
                }
            }
        }
        true
    }
}

/// Colleagues and partners, in the containers made for them.
fn opened(containers: &[Container]) -> Vec<ContainerChange> {
    let version = |id| containers.iter().find(|one| one.id == id).map_or(0, |one| one.version);
    let change = |id, member| ContainerChange { id, version: version(id), members: vec![(true, member)] };
    vec![change(200, Member::SameEnterprise), change(100, Member::Federated)]
}
