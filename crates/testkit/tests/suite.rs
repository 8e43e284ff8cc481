//! The whole server, booted in this process, on both engines. A file a subject; the names of the
//! tests are the promises.

#![allow(clippy::unwrap_used)]

mod account_settings;
mod again;
mod audit;
mod check;
mod confusion;
mod copy;
mod database_errors;
mod database_loss;
mod database_tls;
mod delete;
mod errors;
mod iam;
mod identity;
mod image_conditions;
mod installation;
mod jobs;
mod links;
mod migrations;
mod moments;
mod mount;
mod mutability;
mod operations;
mod paging;
mod parts;
mod policies;
mod policies_at_work;
mod policy_principals;
mod poolers;
mod pull;
mod push;
mod query_operations;
mod quotas;
mod ranges;
mod read_only;
mod referrers;
mod replicas;
mod resource_tags;
mod statements;
mod sts;
mod sweep;
mod tags;
mod tokens;
mod uploads;
mod web_identity;
