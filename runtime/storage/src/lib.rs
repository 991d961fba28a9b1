//! Object storage: what an address names is brought to this machine, as files.
//!
//! Lives here: which objects an address stands for, and their copies, each of which is made once as long as its object stays as it
//! is. Never: what is in them. What waits for a network waits here, on a thread that the caller gives; nothing else of nasrecc knows
//! of futures.

mod address;
mod copy;
mod error;

use std::path::Path;

use address::Address;
pub use address::is_address;
pub use copy::{Object, Watch};
pub use error::{Error, MOST_OBJECTS};

/// Brings what an address names into `folder`, in the order of the names; what is there and still the same is not brought again.
///
/// `settings`: what the storage asks for, under the names of the environment (`AWS_ACCESS_KEY_ID`, `GOOGLE_SERVICE_ACCOUNT`,
/// `AZURE_STORAGE_ACCOUNT_KEY`, …); others are ignored.
///
/// # Errors
/// [`Error`].
pub fn fetch(
    address: &str,
    folder: &Path,
    settings: impl IntoIterator<Item = (String, String)>,
    watch: &dyn Watch,
) -> Result<Vec<Object>, Error> {
    // No way to encrypt is the default of this build. Whoever chose one before keeps it.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let address = Address::parse(address, settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Storage(error.to_string()))?;
    runtime.block_on(copy::unless_stopped(watch, copy::all(&address, folder, watch)))
}
