use std::fmt;

use jiff::Timestamp;

use crate::body::{
    BodyError, Element,
    scalar::{moment, to_millisecond},
    xml::flag,
};

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/state";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Names of activities that servers and clients know and show in the reader's language.
pub mod token {
    /// On the telephone, at availability busy.
    pub const ON_THE_PHONE: &str = "on-the-phone";
    /// In a conference.
    pub const IN_A_CONFERENCE: &str = "in-a-conference";
    /// In a meeting of the calendar.
    pub const IN_A_MEETING: &str = "in-a-meeting";
    /// Presenting, at availability do not disturb.
    pub const IN_PRESENTATION: &str = "in-presentation";
    /// Do not disturb, as close colleagues see it.
    pub const URGENT_INTERRUPTIONS_ONLY: &str = "urgent-interruptions-only";
    /// Away since work is over.
    pub const OFF_WORK: &str = "off-work";
    /// Away by the calendar's word.
    pub const OUT_OF_OFFICE: &str = "out-of-office";
    /// Available but idle.
    pub const INACTIVE: &str = "inactive";
}

/// What the number of an availability means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Below every range that clients publish: nothing is known.
    Unknown,
    /// 3000 to 4499.
    Available,
    /// 4500 to 5999.
    AvailableIdle,
    /// 6000 to 7499.
    Busy,
    /// 7500 to 8999.
    BusyIdle,
    /// 9000 to 11999.
    DoNotDisturb,
    /// 12000 to 14999.
    BeRightBack,
    /// 15000 to 17999.
    Away,
    /// From 18000 on; also "appear offline", and what the blocked see.
    Offline,
}

impl Availability {
    /// What a number means.
    #[must_use]
    pub const fn of(number: u32) -> Self {
        match number {
            0..3_000 => Self::Unknown,
            3_000..4_500 => Self::Available,
            4_500..6_000 => Self::AvailableIdle,
            6_000..7_500 => Self::Busy,
            7_500..9_000 => Self::BusyIdle,
            9_000..12_000 => Self::DoNotDisturb,
            12_000..15_000 => Self::BeRightBack,
            15_000..18_000 => Self::Away,
            _ => Self::Offline,
        }
    }

    /// The number to publish for it; 0 if there is nothing to say.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Available => 3_500,
            Self::AvailableIdle => 5_000,
            Self::Busy => 6_500,
            Self::BusyIdle => 7_500,
            Self::DoNotDisturb => 9_500,
            Self::BeRightBack => 12_500,
            Self::Away => 15_500,
            Self::Offline => 18_500,
        }
    }
}

/// Who or what says a state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub enum StateKind {
    /// A device by its use.
    Machine,
    /// The user by choice.
    User,
    /// The calendar.
    Calendar,
    /// The telephone.
    Phone,
    /// The server, of all of these: what is shown.
    Aggregate,
    /// The server, of all devices.
    AggregateMachine,
    /// A word that is none of these.
    Other(String),
    /// Nothing is said.
    #[default]
    Unsaid,
}

impl StateKind {
    const NAMED: [(Self, &'static str); 6] = [
        (Self::Machine, "machineState"),
        (Self::User, "userState"),
        (Self::Calendar, "calendarState"),
        (Self::Phone, "phoneState"),
        (Self::Aggregate, "aggregateState"),
        (Self::AggregateMachine, "aggregateMachineState"),
    ];

    fn read(word: Option<&str>) -> Self {
        let Some(word) = word else { return Self::Unsaid };
        let word = word.rsplit_once(':').map_or(word, |(_, local)| local);
        let known = Self::NAMED.into_iter().find(|(_, name)| *name == word).map(|(kind, _)| kind);
        known.unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    fn word(&self) -> Option<&str> {
        match self {
            Self::Unsaid => None,
            Self::Other(word) => Some(word),
            named => Self::NAMED.iter().find(|(kind, _)| kind == named).map(|(_, name)| *name),
        }
    }
}

/// Availability and activity at one moment.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Who says it (`xsi:type`).
    pub kind: StateKind,
    /// Whether the user chose it.
    pub manual: Option<bool>,
    /// Since when nobody has been active.
    pub last_active: Option<Timestamp>,
    /// A number that [`Availability::of`] explains; a calendar's or telephone's state may have none.
    pub availability: Option<u32>,
    /// What the user is doing.
    pub activity: Option<Activity>,
    /// A kind of device (`mobile`, `Mobile`, `computer`, `web`, `deskphone`).
    pub device: Option<String>,
    /// The subject of the meeting that goes on.
    pub meeting_subject: Option<String>,
    /// Where that meeting is.
    pub meeting_location: Option<String>,
}

impl State {
    /// A state to publish.
    #[must_use]
    pub fn new(kind: StateKind, availability: Availability) -> Self {
        let manual = Some(kind == StateKind::User);
        Self { kind, manual, availability: Some(availability.number()), ..Self::default() }
    }

    pub(crate) fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            kind: StateKind::read(element.attribute("type")),
            manual: element.flag("manual"),
            last_active: element.attribute("lastActive").and_then(moment),
            availability: element.child_number("availability")?,
            activity: element.first("activity").map(Activity::from_element),
            device: element.value("device"),
            meeting_subject: element.value("meetingSubject"),
            meeting_location: element.value("meetingLocation"),
        })
    }

    pub(crate) fn to_element(&self) -> Element {
        let location = matches!(self.kind, StateKind::Machine).then(|| Element::new("endpointLocation"));
        Element::new("state")
            .with("xmlns", NAMESPACE)
            .with_some("manual", self.manual)
            .with_some("lastActive", self.last_active.map(to_millisecond))
            .with("xmlns:xsi", XSI)
            .with_some("xsi:type", self.kind.word())
            .leaf_some("availability", self.availability)
            .children(self.activity.as_ref().map(Activity::to_element))
            .leaf_some("device", self.device.as_ref())
            .children(location)
            .leaf_some("meetingSubject", self.meeting_subject.as_ref())
            .leaf_some("meetingLocation", self.meeting_location.as_ref())
    }

    /// What the availability means.
    #[must_use]
    pub fn shown(&self) -> Availability {
        self.availability.map_or(Availability::Unknown, Availability::of)
    }

    /// The activity, if it holds at this availability.
    #[must_use]
    pub fn current_activity(&self) -> Option<&Activity> {
        self.activity.as_ref().filter(|activity| activity.holds(self.availability.unwrap_or(0)))
    }

    /// Whether the state comes from a telephone in the pocket.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        self.device.as_deref().is_some_and(|device| device.eq_ignore_ascii_case("mobile"))
    }
}

/// What a user is doing, as a known word or in words.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// One of [`token`], or another word.
    pub token: Option<String>,
    /// Texts by the number of their language (LCID).
    pub custom: Vec<(Option<u32>, String)>,
    /// The lowest availability at which it holds.
    pub least: Option<u32>,
    /// The highest.
    pub most: Option<u32>,
}

impl Activity {
    fn from_element(element: &Element) -> Self {
        let custom = element.all("custom").filter_map(|custom| {
            let text = custom.content().trim().to_owned();
            (!text.is_empty()).then(|| (custom.number("LCID").ok().flatten(), text))
        });
        Self {
            token: element.attribute("token").filter(|token| !token.is_empty()).map(str::to_owned),
            custom: custom.collect(),
            least: element.number("minAvailability").ok().flatten(),
            most: element.number("maxAvailability").ok().flatten(),
        }
    }

    fn to_element(&self) -> Element {
        let custom = |(language, text): &(Option<u32>, String)| {
            Element::new("custom").with_some("LCID", *language).text(text)
        };
        Element::new("activity")
            .with_some("token", self.token.as_ref())
            .with_some("minAvailability", self.least)
            .with_some("maxAvailability", self.most)
            .children(self.custom.iter().map(custom))
    }

    fn holds(&self, availability: u32) -> bool {
        self.least.is_none_or(|least| availability >= least)
            && self.most.is_none_or(|most| availability <= most)
    }
}

/// Subjects and places are what people wrote: not shown.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({:?}, {:?}, {:?})", self.kind, self.availability, self.activity)
    }
}

/// Nor are words of one's own.
impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activity({:?}, {} texts)", self.token, self.custom.len())
    }
}

/// Whether an element says yes in its text.
pub(super) fn says_yes(element: Option<&Element>) -> Option<bool> {
    flag(&element?.content())
}
