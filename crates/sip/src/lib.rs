//! SIP (RFC 3261) in the dialect of Lync and Skype for Business Server, without sockets, clocks or tasks: bytes and
//! moments come in, values go out.

pub mod body;
