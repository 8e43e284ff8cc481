//! What can go wrong with principals.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] wharf_db::Error),
    #[error(
        "the installation key does not open the secrets in this database: give back the key that \
         was used when the database was made (secret_key_file)"
    )]
    WrongInstallationKey,
    #[error("{0}")]
    InvalidInstallationKey(String),
    #[error("a root access key id is 16 to 128 letters and digits, such as AKIAIOSFODNN7EXAMPLE")]
    InvalidAccessKeyId,
    #[error("a root secret access key has at least 16 characters")]
    WeakSecret,
    #[error("the system gave no random numbers")]
    Random,
}
