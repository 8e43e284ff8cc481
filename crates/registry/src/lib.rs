//! The domain: what a registry is and does, a module a room, whichever door the caller came by.
//!
//! A [`Repository`] can only be had by naming the action it is wanted for, and every room takes
//! one; so nobody reaches a repository's content without a decision. Deliberately absent: HTTP,
//! JSON, and any knowledge of who the caller is beyond the decision.

mod access;
mod account;
mod activity;
pub mod check;
pub mod copy;
mod error;
pub mod image;
pub mod installation;
pub mod job;
mod landing;
pub mod layer;
pub mod mutability;
pub mod policies;
pub mod pull;
pub mod push;
pub mod quota;
pub mod rate;
pub mod referrer;
pub mod repository;
pub mod setting;
mod state;
pub mod sweep;
pub mod tag;
pub mod upload;

pub use access::{Ask, RegistryId};
pub use error::{Codes, Error};
pub use repository::Repository;
pub use state::{Clock, Registry, Settings};
