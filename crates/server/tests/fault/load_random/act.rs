use proptest::prelude::{Strategy, prop_oneof};

/// What a person, a network or a power station does next. Numbers choose among what there is by then.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Send {
        by: usize,
        to: usize,
    },
    /// The network, or the relay itself, fails before the answer; the phone comes back and sends again.
    SendUnheard {
        by: usize,
        to: usize,
        power: bool,
        with_sequence: bool,
    },
    SendAgain {
        by: usize,
        back: usize,
    },
    Acknowledge {
        by: usize,
        back: usize,
    },
    Drop {
        who: usize,
    },
    Open {
        who: usize,
        with_sequence: bool,
    },
    PowerCut,
    Activate {
        account: usize,
    },
    StartChat {
        by: usize,
        to: usize,
    },
    Accept {
        by: usize,
        back: usize,
    },
    Decline {
        by: usize,
        back: usize,
    },
    End {
        by: usize,
        with: usize,
    },
    Read {
        by: usize,
        with: usize,
        back: Option<usize>,
    },
    Sync {
        by: usize,
        back: usize,
        limit: usize,
    },
    SignOut {
        who: usize,
    },
    Settle,
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let any = || 0..36_usize;
    let flip = proptest::bool::ANY;
    let back = || 0..6_usize;
    prop_oneof![
        16 => (any(), any()).prop_map(|(by, to)| Act::Send { by, to }),
        4 => (any(), any(), proptest::bool::weighted(0.2), flip).prop_map(|(by, to, power, with_sequence)| {
            Act::SendUnheard { by, to, power, with_sequence }
        }),
        2 => (any(), back()).prop_map(|(by, back)| Act::SendAgain { by, back }),
        10 => (any(), back()).prop_map(|(by, back)| Act::Acknowledge { by, back }),
        5 => any().prop_map(|who| Act::Drop { who }),
        8 => (any(), flip).prop_map(|(who, with_sequence)| Act::Open { who, with_sequence }),
        1 => proptest::strategy::Just(Act::PowerCut),
        2 => any().prop_map(|account| Act::Activate { account }),
        2 => (any(), any()).prop_map(|(by, to)| Act::StartChat { by, to }),
        4 => (any(), back()).prop_map(|(by, back)| Act::Accept { by, back }),
        2 => (any(), back()).prop_map(|(by, back)| Act::Decline { by, back }),
        4 => (any(), any()).prop_map(|(by, with)| Act::End { by, with }),
        4 => (any(), any(), proptest::option::of(back())).prop_map(|(by, with, back)| Act::Read { by, with, back }),
        3 => (any(), back(), 1..20_usize).prop_map(|(by, back, limit)| Act::Sync { by, back, limit }),
        1 => any().prop_map(|who| Act::SignOut { who }),
        2 => proptest::strategy::Just(Act::Settle),
    ]
}
