//! What the API is, as data: the table from which its documents are made and against which they are tested.
//!
//! A method, an event or an error that is not described does not compile, because the tables are matches over the
//! closed lists that parser and printer use. A parameter or a member that is not described fails a test.

mod activation;
mod component;
mod event;
mod example;
mod method;
mod openrpc;
mod shape;

pub use self::activation::{
    ACTIVATION_REPLY, ACTIVATION_REQUEST, activation_components, example_activated, example_activation,
};
pub use self::component::{closed, component_name, components};
pub use self::event::{EventDescription, describe_event};
pub use self::example::{example_event, example_request, example_result};
pub use self::method::{COMMON, Description, Fault, Tag, describe};
pub use self::openrpc::openrpc;
pub use self::shape::{Member, Shape, object};

#[cfg(test)]
mod tests;
