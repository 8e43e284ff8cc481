//! Who may do what: ARNs, callers, actions, policies and the decision about a request. Pure: values
//! in, values out, no clock, no randomness and no database.
//!
//! [`Document`] is a policy as text and grammar, [`Policy`] the same compiled, [`evaluate`] what
//! follows from policies for a [`Request`].

mod action;
mod action_pattern;
mod arn;
mod audience;
mod caller;
mod condition;
mod context;
mod decision;
pub mod document;
mod evaluation;
pub mod fuzz;
mod glob;
mod json;
mod managed;
mod names;
mod origin;
mod policy;
mod principal;
mod resource;
mod template;
mod trail;

pub use action::Action;
pub use caller::{Caller, Kind, Proof, Session};
pub use context::{CallerKeys, Context, Fact, Facts, Key, Nothing, Value};
pub use decision::{Decision, Denial, Layer};
pub use document::{Document, Fault, Grammar, Scope};
pub use evaluation::{
    Deciding, Evaluation, Outcome, Policies, Request, ResourcePolicies, evaluate, locks_out,
};
pub use managed::{MANAGED, Managed};
pub use names::{AccountId, InvalidAccountId, InvalidRegion, Region};
pub use origin::{Origin, Source};
pub use policy::Policy;
pub use principal::{Principal, Requester};
pub use resource::Resource;
pub use trail::{Decided, Trail};

/// The partition that every ARN of this deployment names.
pub const PARTITION: &str = "aws";
