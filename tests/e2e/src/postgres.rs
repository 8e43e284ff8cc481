//! A throw-away PostgreSQL on a test's host, which the test can restart and stop in the rudest way
//! there is. Wharf reaches it over the network of the host, as it would another machine.

use anyhow::Result;

use crate::Host;

/// What Wharf is given as its `database_url`.
pub const DATABASE_URL: &str = "postgres://wharf:wharf@127.0.0.1:5432/wharf";

/// PostgreSQL refuses to run as root. Its folder is below one that Debian's package made for this
/// user, in the host's own copy of `/var`.
const AS_POSTGRES: &str = "\
bin=$(printf '%s\\n' /usr/lib/postgresql/*/bin | sort --version-sort | tail -1)
export PGDATA=/var/lib/postgresql/wharf-e2e
as() { setpriv --reuid=postgres --regid=postgres --init-groups \"$@\"; }
cd /
";

const MAKE: &str = "\
as sh -c 'umask 077; echo wharf > /var/lib/postgresql/password'
as $bin/initdb --username=wharf --pwfile=/var/lib/postgresql/password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync
as sh -c \"echo \\\"listen_addresses = '127.0.0.1'
unix_socket_directories = '$PGDATA'\\\" >> $PGDATA/postgresql.conf\"
as $bin/pg_ctl start --silent --wait --log=/var/lib/postgresql/log
PGPASSWORD=wharf as $bin/createdb --host=127.0.0.1 --username=wharf wharf
";

impl Host {
    /// Makes a cluster and starts it on port 5432, with an empty database at [`DATABASE_URL`].
    ///
    /// # Errors
    /// When Debian's `postgresql` is missing, or with what the programs said.
    pub fn postgres(&self) -> Result<()> {
        self.as_postgres(MAKE)
    }

    /// Stops PostgreSQL without a word to anybody, as a power cut does, starts it again, and
    /// returns when it has recovered and takes connections.
    ///
    /// # Errors
    /// With what `pg_ctl` said.
    pub fn restart_postgres(&self) -> Result<()> {
        self.stop_postgres()?;
        self.start_postgres()
    }

    /// Stops PostgreSQL without a word to anybody.
    ///
    /// # Errors
    /// With what `pg_ctl` said.
    pub fn stop_postgres(&self) -> Result<()> {
        self.as_postgres("as $bin/pg_ctl stop --silent --wait --mode=immediate")
    }

    /// Starts PostgreSQL again and returns when it takes connections.
    ///
    /// # Errors
    /// With what `pg_ctl` said.
    pub fn start_postgres(&self) -> Result<()> {
        self.as_postgres("as $bin/pg_ctl start --silent --wait --log=/var/lib/postgresql/log")
    }

    fn as_postgres(&self, script: &str) -> Result<()> {
        self.sh(&format!("{AS_POSTGRES}{script}"))?;
        Ok(())
    }
}
