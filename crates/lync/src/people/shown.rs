//! How the numbers and words of this IM system are shown to phones, and the other way round.

use trunkline_model::{Availability, Presence, Timestamp};
use trunkline_sip::body::{
    pidf::Pidf,
    presence::{Activity, Availability as Range, Capability, Device, Note, State, StateKind, token},
};

use super::event::Me;

/// Most characters of a name or another line of a card.
pub(super) const MAX_LINE: usize = 255;
/// Most characters of a note.
pub(super) const MAX_NOTE: usize = 1_024;

/// What others may know of a person beyond a [`Presence`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// What the person is doing: a token such as `in-a-meeting`, or words of their own.
    pub activity: Option<String>,
    /// Out of office, by activity or note.
    pub out_of_office: bool,
    /// Only a phone in a pocket.
    pub mobile: bool,
    /// Since when nobody has been active.
    pub last_active: Option<Timestamp>,
    /// A machine whose presence never changes.
    pub automaton: bool,
    /// Where the photo is; it changes with its hash.
    pub photo: Option<String>,
}

/// What a number with an activity means to a phone. Below 3000 nothing is known, which promises nothing.
pub(super) fn availability(state: &State) -> Availability {
    match state.shown() {
        Range::Available | Range::AvailableIdle => Availability::Available,
        Range::Busy | Range::BusyIdle => Availability::Busy,
        Range::DoNotDisturb => Availability::DoNotDisturb,
        Range::BeRightBack => Availability::BeRightBack,
        Range::Away if is_token(state, token::OFF_WORK) => Availability::OffWork,
        Range::Away => Availability::Away,
        Range::Unknown | Range::Offline => Availability::Offline,
    }
}

/// What to publish for a person's choice.
pub(super) fn chosen(availability: Availability) -> State {
    let range = match availability {
        Availability::Available => Range::Available,
        Availability::Busy => Range::Busy,
        Availability::DoNotDisturb => Range::DoNotDisturb,
        Availability::BeRightBack => Range::BeRightBack,
        Availability::Away | Availability::OffWork => Range::Away,
        Availability::Offline => Range::Offline,
    };
    let off_work = || Activity {
        token: Some(token::OFF_WORK.to_owned()),
        least: Some(15_000),
        most: Some(17_999),
        ..Activity::default()
    };
    let activity = (availability == Availability::OffWork).then(off_work);
    State { activity, ..State::new(StateKind::User, range) }
}

/// How reachable an endpoint on a phone is, going by what the phones say of themselves. A phone in a pocket is idle: anything
/// more would have the server show the person as active there, and ring there alone.
pub(super) fn idle(told: Availability) -> Range {
    match told {
        Availability::Available | Availability::Offline => Range::AvailableIdle,
        Availability::Busy => Range::BusyIdle,
        Availability::DoNotDisturb => Range::DoNotDisturb,
        Availability::BeRightBack => Range::BeRightBack,
        Availability::Away | Availability::OffWork => Range::Away,
    }
}

/// What an endpoint on a phone says of itself.
pub(super) fn machine(range: Range) -> State {
    State { device: Some("mobile".to_owned()), ..State::new(StateKind::Machine, range) }
}

/// What the endpoint is, among the person's devices.
pub(super) fn device(me: &Me) -> Device {
    Device {
        endpoint: Some(me.epid.instance().to_string()),
        preferred: Some(false),
        uri: Some(me.address.uri()),
        capabilities: vec![Capability::text()],
        timezone: Some("00:00:00+00:00".to_owned()),
        machine: Some(me.machine.clone()),
    }
}

/// What a phone is shown.
pub(super) fn presence(state: Option<&State>, note: Option<&Note>) -> Presence {
    let availability = state.map_or(Availability::Offline, availability);
    Presence {
        availability,
        personal_message: note.map(|note| cut(&note.text, MAX_NOTE)).unwrap_or_default(),
        devices: u32::from(availability != Availability::Offline),
    }
}

/// The state that an open or closed door stands for.
pub(super) fn door(pidf: &Pidf) -> Option<State> {
    let range = if pidf.open? { Range::Available } else { Range::Offline };
    Some(State { manual: None, ..State::new(StateKind::Aggregate, range) })
}

pub(super) fn detail(state: Option<&State>, note: Option<&Note>) -> Detail {
    let away = note.is_some_and(|note| note.kind == trunkline_sip::body::presence::NoteKind::OutOfOffice);
    let Some(state) = state else { return Detail { out_of_office: away, ..Detail::default() } };
    let words = |activity: &Activity| {
        let own = activity.custom.first().map(|(_, text)| cut(text, MAX_LINE));
        own.or_else(|| activity.token.as_deref().map(|token| cut(token, MAX_LINE)))
    };
    Detail {
        activity: state.current_activity().and_then(words),
        out_of_office: away || is_token(state, token::OUT_OF_OFFICE),
        mobile: state.is_mobile(),
        last_active: state.last_active.map(|moment| Timestamp(moment.as_microsecond())),
        ..Detail::default()
    }
}

fn is_token(state: &State, word: &str) -> bool {
    state.current_activity().and_then(|activity| activity.token.as_deref()) == Some(word)
}

/// Without control characters, which no line has and XML cannot carry, and without more characters than `limit`.
pub(super) fn cut(text: &str, limit: usize) -> String {
    let plain =
        |c: &char| (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let mut rest = text.trim().chars().filter(plain);
    let mut kept: String = rest.by_ref().take(limit).collect();
    if rest.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(number: u32) -> State {
        State { availability: Some(number), ..State::default() }
    }

    #[test]
    fn every_boundary_of_the_scale_is_where_it_should_be() {
        use Availability::{Available, Away, BeRightBack, Busy, DoNotDisturb, Offline};
        for (number, shown) in [
            (0, Offline),
            (2_999, Offline),
            (3_000, Available),
            (4_499, Available),
            (4_500, Available),
            (5_999, Available),
            (6_000, Busy),
            (7_499, Busy),
            (7_500, Busy),
            (8_999, Busy),
            (9_000, DoNotDisturb),
            (11_999, DoNotDisturb),
            (12_000, BeRightBack),
            (14_999, BeRightBack),
            (15_000, Away),
            (17_999, Away),
            (18_000, Offline),
            (u32::MAX, Offline),
        ] {
            assert_eq!(availability(&state(number)), shown, "{number}");
        }
        assert_eq!(availability(&State::default()), Offline, "without a number nothing is known");
    }

    #[test]
    fn every_choice_is_shown_as_it_was_made() {
        for one in Availability::ALL {
            let published = chosen(one);
            assert_eq!(availability(&published), one);
            assert_eq!(published.availability, Some(one.number()));
            assert_eq!(published.manual, Some(true));
        }
    }

    #[test]
    fn an_activity_counts_only_where_it_holds() {
        let activity = |token: &str, least, most| {
            Some(Activity { token: Some(token.to_owned()), least, most, ..Activity::default() })
        };
        let at = |number, activity| State { activity, ..state(number) };
        let off_work = || activity("off-work", Some(15_000), Some(17_999));
        assert_eq!(availability(&at(15_500, off_work())), Availability::OffWork);
        assert_eq!(availability(&at(18_500, off_work())), Availability::Offline);
        let meeting = at(6_500, activity("in-a-meeting", Some(6_500), Some(8_999)));
        assert_eq!(detail(Some(&meeting), None).activity.as_deref(), Some("in-a-meeting"));
        let over = State { availability: Some(3_500), ..meeting };
        assert_eq!(detail(Some(&over), None).activity, None);
        let out = at(15_500, activity("out-of-office", None, None));
        assert!(detail(Some(&out), None).out_of_office);
        let custom = Activity { custom: vec![(Some(1_033), "Gardening".into())], ..Activity::default() };
        assert_eq!(detail(Some(&at(3_500, Some(custom))), None).activity.as_deref(), Some("Gardening"));
    }

    #[test]
    fn a_phone_is_mobile_and_claims_no_activity() {
        let machine = machine(Range::AvailableIdle);
        assert!(machine.is_mobile());
        assert_eq!((machine.manual, machine.availability), (Some(false), Some(5_000)));
    }

    #[test]
    fn long_and_odd_text_is_cut() {
        assert_eq!(cut("  a\u{0}b\u{7}c ", 9), "abc");
        assert_eq!(cut("üüüü", 3), "üü…");
        assert_eq!(cut("üüü", 3), "üüü");
    }
}
