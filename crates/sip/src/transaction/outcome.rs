use crate::message::Response;
use crate::method::Method;
use crate::typed::Diagnostics;

/// How a request of ours ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx.
    Accepted(Response),
    /// A final answer from 300 on.
    Refused(Box<Refusal>),
    /// It never left us, so it may be sent again without harm.
    NotSent(NotSent),
    /// It left us and nobody said what became of it: sent again it may arrive twice.
    Unknown(Unknown),
}

/// A final answer that is no 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 300 to 699.
    pub status: u16,
    /// Why, the server's words first.
    pub diagnostics: Vec<Diagnostics>,
    /// The answer itself.
    pub response: Response,
}

/// Why a request never left us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The connection ended while the request waited to be written.
    ConnectionLost,
    /// It waited too long to be written.
    TooLate,
    /// It was withdrawn before it was written.
    Withdrawn,
}

/// Why nobody knows what became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The connection ended before the answer came.
    ConnectionLost,
    /// No answer came in time.
    NoAnswer,
}

/// What an outcome means for what the request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived.
    Delivered,
    /// It did not and will not arrive.
    Refused,
    /// It did not arrive, and may be sent again.
    NotSent,
    /// It may have arrived: never send it again by itself.
    Unknown,
}

impl Outcome {
    /// Makes an outcome of a final answer.
    pub fn of(response: Response) -> Self {
        if response.is_success() {
            return Self::Accepted(response);
        }
        let (status, diagnostics) = (response.status(), response.diagnostics());
        Self::Refused(Box::new(Refusal { status, diagnostics, response }))
    }

    /// What it means for a message. A 408 comes of a server that waited in vain, so the message may have arrived.
    pub fn delivery(&self, method: &Method) -> Delivery {
        match self {
            Self::Accepted(_) => Delivery::Delivered,
            Self::Refused(refusal) if refusal.status == 408 && *method == Method::MESSAGE => {
                Delivery::Unknown
            }
            Self::Refused(_) => Delivery::Refused,
            Self::NotSent(_) => Delivery::NotSent,
            Self::Unknown(_) => Delivery::Unknown,
        }
    }
}
