//! A server: models, an address, and the threads that bring the two together.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nasrec_runtime::Stop;
use nasrec_runtime::backend::Tiled;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::http::{self, Shared};
use crate::metrics::{Connections, Metrics};
use crate::models::{Models, Named};
use crate::settings::Settings;
use crate::working::How;

/// Threads that sockets are looked after with.
const SOCKETS: usize = 2;
/// Threads beside them that read long bodies.
const READERS: usize = 4;
/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Models that are loaded, and an address that is listened on.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Loads models and listens; nobody is answered yet. `tell`: what people are told meanwhile.
    ///
    /// # Errors
    /// A model cannot be loaded, or the address cannot be had.
    pub fn new(
        models: &[Named],
        (host, port): (&str, u16),
        settings: Settings,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self> {
        let failed = |cause| Error::Listen { host: host.to_owned(), port, cause };
        // Before anything is loaded, which may take a while: whether the address can be had.
        let listener = TcpListener::bind((host, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (backend, tell) = (Arc::new(Tiled::new(settings.threads)?), Arc::new(tell));
        let models = Models::load(models, || How {
            backend: Arc::clone(&backend),
            tables: settings.tables,
            fold_norms: settings.fold_norms,
            most: settings.most,
            wait: settings.wait,
            waiting: settings.waiting,
            metrics: Arc::new(Metrics::default()),
            tell: tell.clone(),
        })?;
        let shared = Shared {
            models,
            settings,
            connections: Connections::default(),
            bodies: Arc::new(Semaphore::new(http::permits(settings.bodies))),
            stopping: AtomicBool::new(false),
        };
        Ok(Self { listener, address, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The names of its models, and which version of each it has.
    pub fn models(&self) -> Vec<(String, String)> {
        let models = &self.shared.models;
        let of = |name: &str| Some((name.to_owned(), models.get(name)?.0.version.clone()));
        models.names().filter_map(of).collect()
    }

    /// Answers until it is to stop. What was accepted by then is answered before it returns.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub fn run(self, stop: &Stop) -> Result<()> {
        let Self { listener, shared, .. } = self;
        let runtime = Builder::new_multi_thread()
            .worker_threads(SOCKETS)
            .max_blocking_threads(READERS)
            .thread_name("sockets")
            .enable_io()
            .enable_time()
            .build()
            .map_err(Error::Thread)?;
        let done = Mutex::new(false);
        let ended = std::sync::Condvar::new();
        thread::scope(|scope| {
            let look = || {
                let every = shared.settings.look;
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                let mut next = Instant::now() + every;
                while !*done {
                    let left = next.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        shared.models.look();
                        next = Instant::now() + every;
                    }
                    done = ended
                        .wait_timeout(done, left.max(Duration::from_millis(1)))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            };
            thread::Builder::new().name("look".to_owned()).spawn_scoped(scope, look).map_err(Error::Thread)?;
            let asked = async {
                while !stop.requested() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            let served = runtime.block_on(http::serve(listener, Arc::clone(&shared), asked));
            *done.lock().unwrap_or_else(PoisonError::into_inner) = true;
            ended.notify_all();
            served.map_err(Error::Thread)
        })?;
        drop(runtime);
        if let Some(shared) = Arc::into_inner(shared) {
            shared.models.end();
        }
        Ok(())
    }
}
