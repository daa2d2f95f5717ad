use serde::{Deserialize, Serialize};

/// How reachable a person is; each value stands for a range of the numeric scale that Lync made common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// 0-5999, sent as 3500 (idle counts as available).
    Available,
    /// 6000-8999, sent as 6500.
    Busy,
    /// 9000-11999, sent as 9500.
    DoNotDisturb,
    /// 12000-14999, sent as 12500.
    BeRightBack,
    /// 15000-17999, sent as 15500.
    Away,
    /// Told by people for themselves; sent as 15500.
    OffWork,
    /// 18000 and above, sent as 18500; set by a person it means "appear offline".
    Offline,
}

/// What a phone may ask for in `SetPresence` and `BeginSession`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceChoice {
    /// Show this until something else is chosen.
    Set(Availability),
    /// Forget the choice: show what the sessions tell.
    Reset,
}

/// What others see of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// How reachable.
    pub availability: Availability,
    /// The note that the person wrote; may be empty.
    pub personal_message: String,
    /// Endpoints signed in.
    pub devices: u32,
}

impl Availability {
    /// Every one, the most reachable first.
    pub const ALL: [Self; 7] = [
        Self::Available,
        Self::Busy,
        Self::DoNotDisturb,
        Self::BeRightBack,
        Self::Away,
        Self::OffWork,
        Self::Offline,
    ];

    /// The value on the numeric scale that phones receive.
    pub fn number(self) -> u32 {
        match self {
            Self::Available => 3_500,
            Self::Busy => 6_500,
            Self::DoNotDisturb => 9_500,
            Self::BeRightBack => 12_500,
            Self::Away | Self::OffWork => 15_500,
            Self::Offline => 18_500,
        }
    }

    /// The lower-case name that phones send and receive.
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::DoNotDisturb => "donotdisturb",
            Self::BeRightBack => "berightback",
            Self::Away => "away",
            Self::OffWork => "offwork",
            Self::Offline => "offline",
        }
    }

    /// The availability whose range on the numeric scale holds `number`.
    pub fn from_number(number: u32) -> Self {
        match number {
            0..=5_999 => Self::Available,
            6_000..=8_999 => Self::Busy,
            9_000..=11_999 => Self::DoNotDisturb,
            12_000..=14_999 => Self::BeRightBack,
            15_000..=17_999 => Self::Away,
            _ => Self::Offline,
        }
    }

    /// From a name in any letter case; `appearoffline` is [`Availability::Offline`]. `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "available" => Self::Available,
            "busy" => Self::Busy,
            "donotdisturb" => Self::DoNotDisturb,
            "berightback" => Self::BeRightBack,
            "away" => Self::Away,
            "offwork" => Self::OffWork,
            "offline" | "appearoffline" => Self::Offline,
            _ => return None,
        })
    }
}

impl PresenceChoice {
    /// From a name in any letter case, `reset` included; `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("reset") {
            return Some(Self::Reset);
        }
        Availability::from_name(name).map(Self::Set)
    }
}

impl Presence {
    /// Nobody is signed in.
    pub fn offline() -> Self {
        Self { availability: Availability::Offline, personal_message: String::new(), devices: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Availability, PresenceChoice};

    #[test]
    fn every_name_comes_back_from_its_number_and_its_name() {
        use Availability::{Available, Away, BeRightBack, Busy, DoNotDisturb, Offline};
        for one in [Available, Busy, DoNotDisturb, BeRightBack, Away, Offline] {
            assert_eq!(Availability::from_number(one.number()), one);
            assert_eq!(Availability::from_name(&one.name().to_uppercase()), Some(one));
        }
    }

    #[test]
    fn reset_and_unknown_names() {
        assert_eq!(PresenceChoice::from_name("Reset"), Some(PresenceChoice::Reset));
        assert_eq!(
            PresenceChoice::from_name("AppearOffline"),
            Some(PresenceChoice::Set(Availability::Offline))
        );
        assert_eq!(PresenceChoice::from_name("elsewhere"), None);
    }
}
