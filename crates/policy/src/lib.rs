//! Who may do what: ARNs, callers, actions and the decision about a request. Pure: values in,
//! values out, no clock and no database.
//!
//! Today the only principals are the roots of accounts, and no policies are stored, so the
//! decision is short; identity and resource policies take their places in [`decide`].

mod action;
mod caller;
mod decision;
mod names;
mod resource;

pub use action::Action;
pub use caller::{Caller, Kind};
pub use decision::{Decision, Denial, Layer, decide};
pub use names::{AccountId, InvalidAccountId, InvalidRegion, Region};
pub use resource::Resource;

/// The partition that every ARN of this deployment names.
pub const PARTITION: &str = "aws";
