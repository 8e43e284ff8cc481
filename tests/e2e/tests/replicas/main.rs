//! Two replicas behind HAProxy, on PostgreSQL and a real S3 server: what the real clients see, what
//! two replicas make of the same thing at the same time, and faults that must lose nothing. The
//! parts come from `wharf_e2e::Deployment`, which puts them together as the book says.

mod clients;
mod database;
mod engines;
mod killed;
mod load;
mod moved;
mod races;
mod rolling;
mod store;
