//! `waxwingd serve`: everything put together.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use log::{info, warn};
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};
use waxwing_core::jid::BareJid;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub;
use waxwing_core::stream::Closed;
use waxwing_core::stream::tls::{ServerTls, default_provider};
use waxwing_sqlite::{Admin, AdminError, Event, SqliteStore};
use waxwing_std::door::Limits;
use waxwing_std::shards::Shards;
use waxwing_tokio::{Clock, Server};

use crate::cli::Invocation;
use crate::identity::{self, Files};
use crate::options::Options;
use crate::{fresh, user};

/// How long clients may take to answer `</stream:stream>` when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the server until it is told to stop.
pub fn run(options: &Options, invocation: &Invocation) -> Result<(), String> {
    for (given, flag, what) in [
        (options.s2s.is_some(), "s2s", "does not federate"),
        (options.component.is_some(), "component", "has no components"),
    ] {
        if given {
            warn!("--{flag} has no effect: this version {what}");
        }
    }
    // Whatever can be wrong is found out before anything is written.
    let c2s = listen("--c2s", options.c2s)?;
    let c2s_tls = listen("--c2s-tls", options.c2s_tls)?;
    let files = Files::of(options);
    let provider = ring::default_provider();
    if !files.generated {
        identity::load(&files, &provider)?;
    }
    prepare_directory(&options.data)?;
    let shards = Arc::new(OnceLock::new());
    let store = open_store(options, &shards)?;
    let key = identity::load_or_make(&files, &options.domains, &provider)?;
    warn_of_problems(&key, options);
    let certificate = Arc::new(Certificate(RwLock::new(key)));
    let demo = if options.demo { demo_accounts(options)? } else { Vec::new() };

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    runtime.block_on(async {
        let running = start(options, store, &shards, &certificate, c2s, c2s_tls)?;
        announce(options, &running, &certificate, &demo);
        until_stopped(options, invocation, &certificate).await?;
        info!("stopping");
        if !running.server.shutdown(GRACE).await {
            warn!("some clients did not close their streams in time");
        }
        running.store.flush();
        Ok(())
    })
}

/// What runs.
struct Running {
    server: Arc<Server>,
    store: Arc<SqliteStore>,
    c2s: SocketAddr,
    c2s_tls: SocketAddr,
}

fn start(
    options: &Options,
    store: SqliteStore,
    late: &OnceLock<Weak<Shards>>,
    certificate: &Arc<Certificate>,
    c2s: TcpListener,
    c2s_tls: TcpListener,
) -> Result<Running, String> {
    let failed = |e: &dyn std::fmt::Display| format!("cannot start: {e}");
    let mut entropy = fresh::entropy()?;
    let secret = fresh::secret(&options.data.join("secret"))?;
    let domains: Vec<BareJid> =
        options.domains.iter().map(|d| BareJid::new(d)).collect::<Result<_, _>>().map_err(|e| failed(&e))?;

    let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
    let mut hub = hub::Config::new(domains[0].clone());
    hub.domains.clone_from(&domains);
    options.policy.apply(&mut hub, cores);
    hub.registration = options.allow_registration.then(hub::Registration::default);
    let hubs = Shards::hubs(&hub, cores, &mut entropy);
    let features = hubs.first().map(hub::Hub::stream_features).unwrap_or_default();
    let store = Arc::new(store);
    let submit = Arc::clone(&store);
    let shards = Shards::new(hubs, Box::new(move |request| submit.submit(request)), Clock::start(), None);
    // Only now is there anyone to answer to, and only now are there questions.
    let _ = late.set(Arc::downgrade(&shards));

    let resolver = Arc::clone(certificate) as Arc<dyn ResolvesServerCert>;
    let tls = ServerTls::with_resolver(default_provider(), resolver).map_err(|e| failed(&e))?;
    let mut config = connection::Config::new(domains, secret);
    config.tls = Some(tls);
    config.sasl.require_tls = !options.allow_plaintext;
    config.registration = options.allow_registration;
    config.sasl2.enabled = !options.no_sasl2;
    if options.no_tokens {
        config.sasl2.tokens = None;
    }
    config.client_state = options.policy.client_state;
    // Who comes back is sent in one go what he has not acknowledged, and what has waited for him.
    let at_once = hub.limits.unacknowledged_bytes.saturating_add(hub.limits.offline_bytes as usize);
    config.authenticated.max_queued = config.authenticated.max_queued.max(at_once);
    config.features = features;
    let config = Arc::new(config);

    let limits = Limits {
        negotiating: options.max_negotiating,
        per_address: options.max_per_address,
        attempts_per_address: options.max_attempts,
        ..Limits::default()
    };
    let server = Server::with_limits(shards, entropy, Some(log_closed), limits).map_err(|e| failed(&e))?;
    let mut addresses = Vec::new();
    for (listener, transport) in [(c2s, Transport::Plain), (c2s_tls, Transport::DirectTls)] {
        addresses.push(listener.local_addr().map_err(|e| failed(&e))?);
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| failed(&e))?;
        server.listen(listener, Arc::clone(&config), transport);
    }
    Ok(Running { server, store, c2s: addresses[0], c2s_tls: addresses[1] })
}

/// Opens the store. What it reports goes to the shards, once they are there.
fn open_store(options: &Options, late: &Arc<OnceLock<Weak<Shards>>>) -> Result<SqliteStore, String> {
    let late = Arc::clone(late);
    let sink = move |event| {
        let Some(shards) = late.get().and_then(Weak::upgrade) else { return };
        match event {
            Event::Reply(reply) => shards.store_reply(reply),
            Event::Changed(account) => shards.account_changed(account),
            _ => {}
        }
    };
    SqliteStore::open(&options.data, sink).map_err(|e| e.to_string())
}

fn log_closed(peer: SocketAddr, closed: &Closed) {
    match closed {
        Closed::Clean | Closed::Eof => log::debug!("{peer}: {closed:?}"),
        other => info!("{peer}: {other:?}"),
    }
}

/// Tells what to connect to and, in the last line, that it can be connected to.
fn announce(options: &Options, running: &Running, certificate: &Certificate, demo: &[(BareJid, String)]) {
    let mut out = std::io::stdout().lock();
    let mut say = |line: String| {
        // Nobody may be reading; that is no reason not to serve.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    };
    say(format!("waxwingd {} serves {}", env!("CARGO_PKG_VERSION"), options.domains.join(", ")));
    say(format!("c2s (STARTTLS) on {}", running.c2s));
    say(format!("c2s (direct TLS) on {}", running.c2s_tls));
    say(format!("certificate SHA-256 {}", identity::fingerprint(&certificate.current().cert[0])));
    for (account, password) in demo {
        say(format!("demo account {account} password {password}"));
    }
    let domain = &options.domains[0];
    match demo.first() {
        Some((account, _)) => {
            say(format!("log in as {account} with any XMPP client, server {}", running.c2s))
        }
        None => say(format!(
            "make an account with `waxwingd user add NAME@{domain}`, log in with any XMPP client, server {}",
            running.c2s
        )),
    }
    say("waxwingd: ready".to_owned());
}

/// Waits for the signal to stop; reloads on SIGHUP.
async fn until_stopped(
    options: &Options,
    invocation: &Invocation,
    certificate: &Certificate,
) -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|e| format!("cannot listen for signals: {e}"));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut reload = listen(SignalKind::hangup())?;
    let mut current = options.clone();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = reload.recv() => match reloaded(&current, invocation, certificate) {
                Ok(options) => current = options,
                Err(error) => warn!("nothing was reloaded: {error}"),
            },
        }
    }
}

/// Reads configuration and certificate again. All connections stay.
fn reloaded(old: &Options, invocation: &Invocation, certificate: &Certificate) -> Result<Options, String> {
    let new = crate::options(invocation)?;
    let key = identity::load(&Files::of(&new), &ring::default_provider())?;
    warn_of_problems(&key, &new);
    info!("reloaded; certificate SHA-256 {}", identity::fingerprint(&key.cert[0]));
    *certificate.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    // The rest is woven into what runs.
    let restart = Options { identity: old.identity.clone(), ..new.clone() };
    if restart != *old {
        warn!("only the certificate was reloaded: the other changes to the configuration need a restart");
    }
    Ok(Options { identity: new.identity, ..old.clone() })
}

fn warn_of_problems(key: &CertifiedKey, options: &Options) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    for problem in identity::problems(&key.cert[0], &options.domains, i64::try_from(now).ok()) {
        warn!("{problem}");
    }
}

/// Makes `alice` and `bob`, with new passwords each time: those of an earlier run were printed and are gone.
fn demo_accounts(options: &Options) -> Result<Vec<(BareJid, String)>, String> {
    let mut admin = Admin::create(&options.data).map_err(|e| e.to_string())?;
    let mut made = Vec::new();
    for name in ["alice", "bob"] {
        let account = BareJid::new(&format!("{name}@{}", options.domains[0])).map_err(|e| e.to_string())?;
        let password = fresh::entropy()?.id();
        let credentials = user::credentials(&password)?;
        match admin.add(&account, &credentials) {
            Err(AdminError::Exists(_)) => admin.set_credentials(&account, credentials),
            other => other,
        }
        .map_err(user::explain)?;
        made.push((account, password));
    }
    Ok(made)
}

fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    let failed = |e: std::io::Error| cannot_listen(flag, address, &e);
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Why a listener cannot be opened, and what to do.
pub fn cannot_listen(flag: &str, address: SocketAddr, error: &std::io::Error) -> String {
    use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
    let advice = match error.kind() {
        AddrInUse => "something else listens there: stop it, or choose another port",
        AddrNotAvailable => "this machine has no such address",
        PermissionDenied => "ports below 1024 need privileges: choose a higher one",
        _ => return format!("cannot listen on {address}: {error}"),
    };
    format!("cannot listen on {address}: {advice} with {flag}")
}

/// Makes the data directory, for the owner alone, where it is missing.
pub fn prepare_directory(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let shown = path.display();
    if path.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| format!("cannot make the data directory {shown}: {e}; choose another with --data"))
}

/// The certificate in use, which can be exchanged while connections go on.
#[derive(Debug)]
struct Certificate(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}
