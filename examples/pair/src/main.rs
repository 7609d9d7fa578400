//! A client and a server that talk in memory, under a clock that moves when we say so: every run prints the same.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use waxwing_core::client::{self, Client, Event, TlsMode};
use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Entropy, Machine, Now};
use waxwing_core::sasl::{Credentials, StoredCredentials};
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::store::{MemoryStore, Record};
use waxwing_core::server::{Hub, Server, hub};
use waxwing_core::stanza::Message;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", conversation()?);
    Ok(())
}

/// Juliet logs in, sends herself a message, reads it and leaves. Returns what went back and forth, and when.
fn conversation() -> Result<String, Box<dyn Error>> {
    let (domain, juliet) = (BareJid::new("capulet.example")?, BareJid::new("juliet@capulet.example")?);
    let keys = StoredCredentials::derive("o Romeo", 4096, &mut Entropy::from_seed([1; 32]));
    let mut store = MemoryStore::new();
    store.insert(juliet.clone(), Record::new(keys.ok_or("a password that cannot be prepared")?));
    let mut config = connection::Config::new([domain.clone()], [2; 32]);
    config.sasl.require_tls = false;
    let hub = Hub::new(hub::Config::new(domain), Entropy::from_seed([3; 32]));
    let mut server = Server::new(Arc::new(config), hub, Entropy::from_seed([4; 32]));

    let mut config = client::Config::new(juliet.into(), TlsMode::Plaintext);
    let (username, password) = ("juliet".into(), "o Romeo".into());
    config.credentials = Some(Credentials::Password { username, password });
    let (mut log, mut now, mut up, mut down) = (String::new(), Now::default(), Vec::new(), Vec::new());
    let mut client = Client::new(config, now, Entropy::from_seed([5; 32]));
    let id = server.accept(now, Transport::Plain);
    loop {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Online(me) => drop(client.send(now, Message::chat(me.into(), "wherefore art thou?"))?),
                Event::Message(_) => client.close(now),
                Event::Closed(result) => return Ok(result.map(|()| log)?),
                _ => {}
            }
        }
        client.transmit(&mut up);
        server.receive(now, id, &up);
        server.run_store(now, &mut store);
        server.transmit(id, &mut down);
        now = now.after(Duration::from_millis(10)); // The network takes its time, and costs none of ours.
        client.receive(now, &down);
        for (who, bytes) in [("C", &mut up), ("S", &mut down)] {
            let text = String::from_utf8(std::mem::take(bytes))?;
            (!text.is_empty()).then(|| log += &format!("{:?} {who}: {text}\n", now.instant));
        }
        client.tick(now);
        server.tick(now);
    }
}
