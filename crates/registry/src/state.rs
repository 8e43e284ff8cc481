//! The state that all rooms share: the engines, the clock, the settings, and what is remembered.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache;
use tokio::sync::Notify;
use uuid::Uuid;
use wharf_blobs::Store;
use wharf_db::{Cached, Db, Epochs, Tx};
use wharf_oci::{Digest, Tag};
use wharf_policy::{Action, Policy};

use crate::activity::Activity;
use crate::landing::Landing;
use crate::layer::Layer;
use crate::policies::OfRegistry;
use crate::pull::Stored;
use crate::quota::{Counts, Quotas};
use crate::rate::Rates;
use crate::repository::Known;
use crate::upload::{Tickets, Turns};
use crate::{Error, RegistryId};

/// Milliseconds since 1970; a test brings its own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The registry of a deployment: cheap to clone, shared by the process.
#[derive(Clone)]
pub struct Registry {
    pub(crate) db: Db,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Settings>,
    pub(crate) remembered: Arc<Remembered>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) landing: Landing,
    pub(crate) counts: Arc<Counts>,
    pub(crate) rates: Arc<Rates>,
    pub(crate) turns: Arc<Turns>,
    /// Wakes this process's worker.
    pub(crate) job_added: Arc<Notify>,
    /// Names the running kernel: bytes that were not flushed do not outlive it.
    pub(crate) boot: Arc<str>,
}

/// What the operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an upload may rest, and how long a layer may be in no image, before it is removed.
    pub grace: Duration,
    /// How long the bytes of a removed blob are kept.
    pub quarantine: Duration,
    /// The last pull of an image is recorded at most this often.
    pub pull_interval: Duration,
    /// Whether a layer of one repository can be mounted into another without being sent again.
    pub mounting: bool,
    /// Whether everything that would change something is refused.
    pub read_only: bool,
    /// The most that there may be of each thing.
    pub quotas: Quotas,
    /// The most requests a second that an account may make for an action.
    pub rates: Vec<(Action, NonZeroU32)>,
}

impl Default for Settings {
    fn default() -> Settings {
        let hours = |count: u64| Duration::from_secs(count * 60 * 60);
        Settings {
            grace: hours(24),
            quarantine: hours(1),
            pull_interval: Duration::from_secs(10 * 60),
            mounting: true,
            read_only: false,
            quotas: Quotas::default(),
            rates: Vec::new(),
        }
    }
}

/// What was read lately. Each entry holds only while its epoch is current, see [`Epochs`].
pub(crate) struct Remembered {
    /// By the name of the registry, or of registry and repository.
    pub(crate) names: Epochs,
    /// By the repository's id.
    pub(crate) contents: Epochs,
    pub(crate) registries: Cache<RegistryId, Cached<OfRegistry>>,
    /// By what they are of and their texts, which say all.
    pub(crate) policies: Cache<(String, String), Arc<Policy>>,
    pub(crate) repositories: Cache<String, Cached<Arc<Known>>>,
    pub(crate) tags: Cache<(Arc<str>, Tag), Cached<Digest>>,
    pub(crate) manifests: Cache<(Arc<str>, Digest), Cached<Arc<Stored>>>,
    pub(crate) layers: Cache<(Arc<str>, Digest), Cached<Layer>>,
    /// The bytes of small blobs by the blob's id. They never change, and give no access.
    pub(crate) small_contents: Cache<Arc<str>, Bytes>,
}

/// How many registries, repositories, tags and layers are remembered. Manifests are bounded by their bytes.
const ENTRIES: u64 = 20_000;
const MANIFEST_BYTES: u64 = 32 * 1024 * 1024;
const SMALL_BLOB_BYTES: u64 = 16 * 1024 * 1024;
/// Counted by the texts of the policies.
const POLICY_BYTES: u64 = 32 * 1024 * 1024;

impl Registry {
    /// The registry whose rows are in `db` and whose bytes are in `store`.
    #[must_use]
    pub fn new(db: Db, store: Store, clock: Clock, settings: Settings) -> Registry {
        let exclusive = db.exclusive();
        // Local files belong to one process, whatever keeps the rows.
        let shared = !exclusive && !store.is_local();
        let tickets = Arc::new(Tickets::new(exclusive, settings.grace));
        let weigh = |_: &(Arc<str>, Digest), cached: &Cached<Arc<Stored>>| {
            u32::try_from(cached.value.bytes.len() + 512).unwrap_or(u32::MAX)
        };
        let remembered = Remembered {
            names: Epochs::new(&db),
            contents: Epochs::new(&db),
            registries: Cache::new(ENTRIES),
            policies: Cache::builder()
                .weigher(|(of, text): &(String, String), _: &Arc<Policy>| {
                    u32::try_from(of.len() + text.len() + 128).unwrap_or(u32::MAX)
                })
                .max_capacity(POLICY_BYTES)
                .build(),
            repositories: Cache::new(ENTRIES),
            tags: Cache::new(ENTRIES),
            manifests: Cache::builder().weigher(weigh).max_capacity(MANIFEST_BYTES).build(),
            layers: Cache::new(ENTRIES),
            small_contents: Cache::builder()
                .weigher(|_, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX))
                .max_capacity(SMALL_BLOB_BYTES)
                .build(),
        };
        let activity = Arc::new(Activity::default());
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map_or_else(|_| Uuid::new_v4().to_string(), |id| id.trim().to_owned());
        Registry {
            db,
            store,
            clock,
            settings: Arc::new(settings.clone()),
            remembered: Arc::new(remembered),
            activity,
            landing: Landing::default(),
            counts: Arc::new(Counts::new(exclusive)),
            rates: Arc::new(Rates::new(&settings.rates)),
            turns: Arc::new(Turns::new(shared)),
            job_added: Arc::default(),
            tickets,
            boot: boot.into(),
        }
    }

    /// The time, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Whether the engines can take work: the database answers and the store has not failed.
    pub async fn ready(&self) -> Result<(), Error> {
        self.db.ping().await?;
        if self.store.failed() { Err(Error::StoreFailed) } else { Ok(()) }
    }

    /// Makes everything remembered of every repository's content stale once `tx` is committed.
    pub(crate) fn changes_all(&self, tx: &mut Tx) {
        let remembered = self.remembered.clone();
        tx.after_commit(move || remembered.contents.advance_all());
    }

    /// Makes everything remembered of repositories by their names stale once `tx` is committed.
    pub(crate) fn changes_names(&self, tx: &mut Tx) {
        let remembered = self.remembered.clone();
        tx.after_commit(move || remembered.names.advance_all());
    }

    /// Makes everything remembered of the repository's content stale once `tx` is committed.
    pub(crate) fn changes(&self, tx: &mut Tx, repository_id: &Arc<str>) {
        let (remembered, id) = (self.remembered.clone(), repository_id.clone());
        tx.after_commit(move || remembered.contents.advance(&id));
    }
}
