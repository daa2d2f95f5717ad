//! What others see of an account: the last explicit choice, else that of its most available session.

use trunkline_model::{AccountId, Availability, Presence};
use trunkline_store::{Store, StoreError};

use crate::{hub::Hub, port::OwnPresence};

/// The presence that an account's line is to publish.
pub(crate) async fn of(store: &Store, hub: &Hub, account: AccountId) -> Result<OwnPresence, StoreError> {
    let told: Vec<_> = hub.sessions(account).iter().map(|session| session.state().availability).collect();
    let row = store.presence(account).await?;
    Ok(OwnPresence { presence: combine(row.choice, row.personal_message, &told), chosen: row.choice })
}

/// `told` holds what each live session said of itself.
fn combine(
    choice: Option<Availability>,
    personal_message: String,
    told: &[Option<Availability>],
) -> Presence {
    let most = told.iter().map(|one| one.unwrap_or(Availability::Available)).min_by_key(|one| one.number());
    match most {
        None => Presence { personal_message, ..Presence::offline() },
        Some(most) if choice.unwrap_or(most) == Availability::Offline => {
            Presence { personal_message, ..Presence::offline() }
        }
        Some(most) => Presence {
            availability: choice.unwrap_or(most),
            personal_message,
            devices: u32::try_from(told.len()).unwrap_or(u32::MAX),
        },
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::Availability::{Available, Away, Busy, Offline};

    use super::combine;

    #[test]
    fn the_choice_wins_over_sessions_and_no_session_is_offline() {
        let shown = |choice, told: &[_]| combine(choice, String::new(), told).availability;
        assert_eq!(shown(Some(Busy), &[]), Offline);
        assert_eq!(shown(Some(Busy), &[Some(Available)]), Busy);
        assert_eq!(shown(None, &[Some(Away), Some(Busy)]), Busy);
        assert_eq!(shown(None, &[Some(Away), None]), Available);
        assert_eq!(combine(None, String::new(), &[None, None]).devices, 2);
    }
}
