//! A server to talk to, in a thread of its own: tokio's, for blocking sockets would want two threads for each client.

use std::error::Error;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivatePkcs8KeyDer;
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub;
use waxwing_core::server::store::{MemoryStore, Record};
use waxwing_core::stream::tls::{Fingerprint, ServerTls};
use waxwing_std::shards::Shards;
use waxwing_tokio::{Clock, Server, entropy};

use crate::options::Target;

const PASSWORD: &str = "the same for all";

/// Starts a server on loopback with so many accounts. It runs until the process ends.
pub(crate) fn start(accounts: usize) -> Result<Target, Box<dyn Error>> {
    let domain = BareJid::new("localhost")?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let fingerprint = Fingerprint::of(&certificate);
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = connection::Config::new([domain.clone()], [0; 32]);
    config.tls = Some(ServerTls::new(vec![certificate], key.into())?);

    // Deriving a key takes milliseconds, on purpose: all accounts share one here.
    let keys = StoredCredentials::derive(PASSWORD, 4096, &mut entropy()?).ok_or("an unusable password")?;
    let jids = (0..accounts).map(|n| format!("client-{n}@localhost"));
    let accounts: Vec<(String, String)> = jids.map(|jid| (jid, PASSWORD.to_owned())).collect();
    let mut memory = MemoryStore::new();
    for (jid, _) in &accounts {
        memory.insert(BareJid::new(jid)?, Record::new(keys.clone()));
    }
    let memory = Mutex::new(memory);
    let store = move |request| match memory.lock() {
        Ok(mut memory) => Err(memory.execute(request)),
        Err(poisoned) => Err(poisoned.into_inner().execute(request)),
    };
    let hubs = Shards::hubs(&hub::Config::new(domain), 1, &mut entropy()?);
    let shards = Shards::new(hubs, Box::new(store), Clock::start(), None);
    let server = Server::new(shards, entropy()?, None)?;

    let (tell, told) = sync_channel(1);
    std::thread::Builder::new().name("server".into()).spawn(move || {
        let serve = || -> std::io::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
                let _ = tell.send(listener.local_addr());
                server.listen(listener, Arc::new(config), Transport::Plain);
                std::future::pending().await
            })
        };
        if let Err(error) = serve() {
            let _ = tell.send(Err(error));
        }
    })?;
    Ok(Target { address: told.recv()??, fingerprint, accounts })
}
