//! Whoever is told that a server has ended finds nothing left of it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use waxwing_core::server::connection::Transport;
use waxwing_futures::{Runtime, Server, Task};
use waxwing_std::entropy;
use waxwing_tests::{SelfSigned, loopback};
use waxwing_tokio::Tokio;

use crate::PATIENCE;

/// tokio, with listeners that take their time to close.
enum Tardy {}

struct Listener {
    inner: TcpListener,
    /// Set by who shut the server down.
    told: Arc<AtomicBool>,
    /// Set if that was before this one closed.
    too_soon: Arc<AtomicBool>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        for _ in 0..10_000 {
            std::thread::yield_now();
            if self.told.load(Ordering::SeqCst) {
                return self.too_soon.store(true, Ordering::SeqCst);
            }
        }
    }
}

impl Runtime for Tardy {
    type Socket = TcpStream;
    type Stream = waxwing_tokio::Stream;
    type Listener = Listener;

    fn set_nodelay(socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)
    }

    fn accept(listener: &Listener) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        listener.inner.accept()
    }

    fn sleep(time: Duration) -> Task<()> {
        Tokio::sleep(time)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

#[test]
fn a_server_that_has_stopped_listens_no_more() {
    let (told, too_soon) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Arc::new(loopback::config(&SelfSigned::new(&["localhost"])));
    let server = Server::<Tardy>::new(loopback::shards(1, &[]), entropy().unwrap(), None).unwrap();
    let ended = runtime.block_on(async {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = Listener { inner, told: Arc::clone(&told), too_soon: Arc::clone(&too_soon) };
        server.listen(listener, config, Transport::Plain);
        server.shutdown(PATIENCE).await
    });
    told.store(true, Ordering::SeqCst);
    // Its tasks have ended when it has gone.
    drop(runtime);
    assert!(ended);
    assert!(!too_soon.load(Ordering::SeqCst));
}
