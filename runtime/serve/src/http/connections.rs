//! Connections: as many as there may be, none of which waits for ever.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::patience::Patient;
use super::{Shared, routes};

/// Fields of a head.
const FIELDS: usize = 64;
/// Bytes of a head, and those of a body that are read at a time.
const BUFFER: usize = 64 << 10;
/// Connections beyond those that there may be, which are told so. What comes beyond these is closed without a word.
const TOLD: usize = 256;
/// As long as one that is refused has to take it in.
const TELLING: Duration = Duration::from_secs(1);
/// When no connection can be accepted, as there are no files to be had.
const PAUSE: Duration = Duration::from_millis(20);

const REFUSED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 55\r\n\r\n{\"error\":\"there are as many connections as there may\"}\n";

/// Answers on a listener until it is `asked` to stop, and then what was accepted.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    asked: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = routes::router(Arc::clone(&shared));
    let most = shared.settings.connections;
    let (free, told) = (Arc::new(Semaphore::new(most)), Arc::new(Semaphore::new(TOLD)));
    let (stop, stopped) = watch::channel(false);
    tokio::pin!(asked);
    loop {
        let stream = tokio::select! {
            () = &mut asked => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // One that was closed before it was accepted, or no room for another: neither is the end.
                Err(_) => {
                    sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
            shared.connections.refused.fetch_add(1, Ordering::Relaxed);
            if let Ok(permit) = Arc::clone(&told).try_acquire_owned() {
                tokio::spawn(async move {
                    let _told = timeout(TELLING, refuse(stream)).await;
                    drop(permit);
                });
            }
            continue;
        };
        let (router, shared, mut stopped) = (router.clone(), Arc::clone(&shared), stopped.clone());
        tokio::spawn(async move {
            shared.connections.open.fetch_add(1, Ordering::Relaxed);
            // An answer is one write; nothing is gained by waiting for more.
            let _set = stream.set_nodelay(true);
            let io = TokioIo::new(Patient::new(stream, shared.settings.timeout));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(shared.settings.idle)
                .max_headers(FIELDS)
                .max_buf_size(BUFFER)
                .serve_connection(io, TowerToHyperService::new(router));
            tokio::pin!(connection);
            // What is wrong with a connection is its other end's affair, which has gone or was answered.
            tokio::select! {
                _ended = &mut connection => {}
                () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
                    connection.as_mut().graceful_shutdown();
                    let _ended = connection.await;
                }
            }
            shared.connections.open.fetch_sub(1, Ordering::Relaxed);
            drop(permit);
        });
    }
    shared.stopping.store(true, Ordering::Relaxed);
    drop(listener);
    let _told = stop.send(true);
    // All permits: no connection is left. Each ends by itself, as everything in it has its time.
    let _ended = timeout(3 * shared.settings.timeout, free.acquire_many(most as u32)).await;
    Ok(())
}

/// Tells that there are too many connections, and waits until the other end has read it.
async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(REFUSED).await?;
    stream.shutdown().await?;
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_refusal_has_the_length_that_it_says() {
        let text = std::str::from_utf8(super::REFUSED).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
