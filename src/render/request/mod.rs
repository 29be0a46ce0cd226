//! What an approver reads: the title and the body of a request.

mod facts;
mod frame;
mod page;
mod text;
mod values;

pub use facts::*;
pub use frame::{head_of, merged, room};
pub use page::{Page, Template, Templates};

#[cfg(test)]
mod tests;
