//! Who is at the database: every connection of a pool holds a lock in shared mode, so that whoever
//! must be alone with the database sees that it is not. The lock goes with the connection, so a
//! process that is killed leaves nothing behind, and PostgreSQL itself notices within a minute when
//! a machine is gone.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::connection;
use crate::Error;

/// Takes the lock in shared mode, and has PostgreSQL look after the other end of the connection.
/// The bounds of time are set when connecting already, but a pooler passes nothing on. The two
/// numbers name the lock; any do, as long as all replicas use the same.
///
/// The planner is told to read along indexes: before the tables were first analysed it thinks them
/// small, and would join and sort all that a repository holds for one page of it.
const TAKE_PART: &str = "SET statement_timeout = 5000; SET lock_timeout = 2000;
    SET idle_in_transaction_session_timeout = 10000;
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off;
    SELECT pg_try_advisory_lock_shared(7309, 2)";

const BE_ALONE: &str = "SELECT pg_try_advisory_lock(7309, 2)";

/// How long whoever has just ended may take to be gone: PostgreSQL ends a session after its client.
const LEAVING: Duration = Duration::from_secs(3);

const OTHERS: &str =
    "SELECT a.pid, a.application_name, COALESCE(host(a.client_addr), 'this machine')
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.classid = 7309 AND l.objid = 2 AND l.objsubid = 2
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY a.pid LIMIT 5";

/// Joins those who are at the database; refused while somebody is alone with it.
pub(super) async fn take_part(connection: &mut PgConnection) -> Result<(), Error> {
    match is_granted(connection, TAKE_PART).await? {
        true => Ok(()),
        false => Err(Error::Server(
            "is being restored at the moment (wharf restore --in-place): try again when that is \
             done"
                .to_owned(),
        )),
    }
}

/// Keeps all others away until the connection that is given ends.
pub(super) async fn be_alone(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = connection::first(options).await?;
    let begun = Instant::now();
    loop {
        if is_granted(&mut connection, BE_ALONE).await? {
            return Ok(connection);
        }
        if begun.elapsed() > LEAVING {
            return Err(Error::InUse(others(&mut connection).await?));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn is_granted(connection: &mut PgConnection, sql: &'static str) -> Result<bool, Error> {
    let rows = sqlx::raw_sql(sql).fetch_all(connection).await?;
    Ok(rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)))
}

/// Who they are, for a person.
async fn others(connection: &mut PgConnection) -> Result<String, Error> {
    let rows = sqlx::query(OTHERS).persistent(false).fetch_all(connection).await?;
    let told = rows.iter().map(|row| {
        let (pid, name): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
        let host: String = row.try_get(2)?;
        Ok(format!("{name} on {host} (process {pid} of PostgreSQL)"))
    });
    Ok(told.collect::<Result<Vec<_>, sqlx::Error>>()?.join(", "))
}
