//! What users of such systems complain of: each fault in a test of its name.

mod away;
mod background;
mod clock;
mod read;
mod reconnect;
mod resend;
mod resume;
