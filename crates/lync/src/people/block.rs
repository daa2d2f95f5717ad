//! Whom the person blocks: the members of a container of their own.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_core::port::LineError;
use trunkline_model::Address;
use trunkline_sip::body::roaming::{Container, ContainerChange, Member};

use super::event::{Action, Answer, ChangeId};
use super::out::Out;

/// How often one of them is tried after a conflict or silence.
const TRIES: u8 = 3;

/// What the person wants of it that the server has not done yet.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    wishes: BTreeMap<Address, Wish>,
    /// Whom the server blocks, as it was told last.
    told: Option<BTreeSet<Address>>,
}

#[derive(Debug)]
struct Wish {
    blocked: bool,
    /// Who wants to hear when the server has done it; nobody does any more once the way was lost.
    waiting: Vec<ChangeId>,
    /// After [`TRIES`] it is not tried again before the next sign-in or the person's next word; it is still what the person
    /// wants.
    tries: u8,
}

impl Blocks {
    /// Blocks or unblocks somebody as soon as the server listens, over a lost way, too. At most `most` people wait for it.
    pub(super) fn want(&mut self, id: ChangeId, who: Address, blocked: bool, most: usize, out: &mut Out) {
        let is_full = |wishes: &BTreeMap<_, _>| wishes.len() >= most && !wishes.contains_key(&who);
        if is_full(&self.wishes) {
            self.wishes.retain(|_, wish| wish.tries < TRIES);
        }
        if is_full(&self.wishes) {
            let many = "too many people are being blocked: try again later".to_owned();
            return out.push(Action::Changed(id, Err(LineError::Refused(many))));
        }
        let wish = self.wishes.entry(who).or_insert(Wish { blocked, waiting: Vec::new(), tries: 0 });
        if std::mem::replace(&mut wish.blocked, blocked) != blocked {
            wish.tries = 0;
            let over = LineError::Conflict("the person wants the opposite meanwhile".into());
            done(wish, &Err(over), out);
        }
        if wish.tries >= TRIES {
            wish.tries = 0;
        }
        wish.waiting.push(id);
    }

    /// The way to the server is lost: what was wanted stays so.
    pub(super) fn lose(&mut self, out: &mut Out) {
        let lost = LineError::NotConnected("blocked as soon as the account is signed in again".into());
        for wish in self.wishes.values_mut() {
            done(wish, &Err(lost.clone()), out);
            wish.tries = 0;
        }
    }

    /// Whether somebody is to notice that he is blocked by nothing but silence.
    pub(super) fn holds(&self, who: &Address, containers: &[Container]) -> bool {
        self.wishes.get(who).map_or_else(|| is_blocked(who, containers), |wish| wish.blocked)
    }

    /// Tells whom the server blocks, when that is news; for whom the person wants something else, that counts already.
    pub(super) fn tell(&mut self, containers: &[Container], out: &mut Out) {
        let blocked = containers.iter().filter(|one| one.id == Container::BLOCKED);
        let users = blocked.flat_map(|one| &one.members).filter_map(|member| match member {
            Member::User(uri) => uri.parse().ok(),
            _ => None,
        });
        let mut all: BTreeSet<Address> = users.collect();
        for (who, wish) in &self.wishes {
            match wish.blocked {
                true => drop(all.insert(who.clone())),
                false => drop(all.remove(who)),
            }
        }
        if self.told.as_ref() != Some(&all) {
            out.push(Action::Blocked(all.iter().cloned().collect()));
            self.told = Some(all);
        }
    }

    /// The next change to make, and for whom.
    pub(super) fn next(
        &mut self,
        containers: &[Container],
        out: &mut Out,
    ) -> Option<(Address, Vec<ContainerChange>)> {
        self.wishes.retain(|who, wish| {
            let is_so = is_blocked(who, containers) == wish.blocked;
            if is_so {
                done(wish, &Ok(None), out);
            }
            !is_so
        });
        let (who, wish) = self.wishes.iter().find(|(_, wish)| wish.tries < TRIES)?;
        Some((who.clone(), changes(who, wish.blocked, containers)))
    }

    /// Takes the answer; false when the truth has to be asked for.
    pub(super) fn answered(
        &mut self,
        who: &Address,
        made: &[ContainerChange],
        answer: &Answer,
        containers: &mut Vec<Container>,
        out: &mut Out,
    ) -> bool {
        if matches!(answer, Answer::Accepted(_)) {
            made.iter().for_each(|change| take(change, containers));
            return true;
        }
        let Some(wish) = self.wishes.get_mut(who) else { return true };
        wish.tries = wish.tries.saturating_add(1);
        let again = matches!(answer, Answer::Refused { status: 409, .. } | Answer::Lost);
        if again && wish.tries < TRIES {
            return false;
        }
        tracing::warn!(?answer, "the pool does not block as the relay does");
        let refused = LineError::Refused("the pool did not take the change of the blocked people".into());
        done(wish, &Err(refused), out);
        wish.tries = TRIES;
        true
    }
}

fn done(wish: &mut Wish, result: &Result<Option<trunkline_model::GroupId>, LineError>, out: &mut Out) {
    for id in wish.waiting.drain(..) {
        out.push(Action::Changed(id, result.clone()));
    }
}

fn is_member(who: &Address, container: &Container) -> bool {
    container.members.iter().any(|member| is_he(who, member))
}

fn is_he(who: &Address, member: &Member) -> bool {
    matches!(member, Member::User(uri) if uri.parse::<Address>().is_ok_and(|address| address == *who))
}

fn is_blocked(who: &Address, containers: &[Container]) -> bool {
    containers.iter().any(|container| container.id == Container::BLOCKED && is_member(who, container))
}

/// Out of every other container that names the person, and into the one of the blocked; or out of that one.
fn changes(who: &Address, blocked: bool, containers: &[Container]) -> Vec<ContainerChange> {
    let others = containers.iter().filter(|one| blocked != (one.id == Container::BLOCKED));
    let mut changes: Vec<_> = others
        .filter_map(|one| {
            let his = one.members.iter().filter(|member| is_he(who, member));
            let members: Vec<_> = his.map(|member| (false, member.clone())).collect();
            (!members.is_empty()).then_some(ContainerChange { id: one.id, version: one.version, members })
        })
        .collect();
    if blocked {
        let known = containers.iter().find(|one| one.id == Container::BLOCKED);
        changes.push(ContainerChange {
            id: Container::BLOCKED,
            version: known.map_or(0, |one| one.version),
            members: vec![(true, Member::User(who.uri()))],
        });
    }
    changes
}

/// The server has made a change.
fn take(change: &ContainerChange, containers: &mut Vec<Container>) {
    let at = containers.iter().position(|one| one.id == change.id).unwrap_or_else(|| {
        containers.push(Container { id: change.id, version: 0, members: Vec::new() });
        containers.len() - 1
    });
    let container = &mut containers[at];
    container.version = change.version.saturating_add(1);
    for (adds, member) in &change.members {
        container.members.retain(|known| known != member);
        if *adds {
            container.members.push(member.clone());
        }
    }
}
