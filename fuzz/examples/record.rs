//! Writes the seeds of the stream targets: scripts in which proper peers log in and talk, and what they said as plain bytes.
//!
//!     cargo run --manifest-path fuzz/Cargo.toml --example record -- fuzz/seeds
//!
//! Plays are deterministic, so a transcript that is sent again, byte for byte, logs in again: SCRAM proofs and all. A change
//! of the core that changes what it sends makes transcripts stale; then run this again.

use std::path::Path;
use std::{env, fs, io};
use waxwing_fuzz::{Script, Step, client_play, connection_play};

fn main() -> io::Result<()> {
    let seeds = env::args().nth(1).unwrap_or_else(|| "seeds".to_owned());
    let seeds = Path::new(&seeds);
    for target in ["client_stream", "server_stream"] {
        fs::create_dir_all(seeds.join(target))?;
    }
    server(&seeds.join("server_stream"))?;
    client(&seeds.join("client_stream"))
}

/// Enough turns for header, STARTTLS, authentication, restart and binding.
const LOGIN: [Step<'_>; 8] = [Step::Peer(255); 8];

fn server(seeds: &Path) -> io::Result<()> {
    // Settings: see `connection_play`.
    let logins: [(&str, [u8; 2]); 10] = [
        ("scram-plus", [0b0000_0010, 0]),
        ("scram", [0b0001_0000, 0]),
        ("scram-sha-1-starttls", [0b0000_1100, 2]),
        ("plain", [0b0001_0000, 1]),
        ("wrong-password", [0b0001_0000, 3]),
        ("anonymous", [0b0001_0000, 4]),
        ("oauthbearer-secured", [0b0001_0010, 5]),
        ("unknown-user", [0b0001_0000, 6]),
        ("external", [0b0000_0010, 7]),
        ("tight-limits", [0b0101_0000, 0b0001_1000]),
    ];
    for (name, settings) in logins {
        let mut steps = LOGIN.to_vec();
        for wish in [0, 3, 1, 7, 6] {
            steps.extend([Step::Wish(wish), Step::Peer(255)]);
        }
        let script = Script { settings, steps };
        write(seeds, &format!("peer-{name}"), &script)?;
        let said = connection_play::record(&script);
        let steps = said.iter().filter(|bytes| !bytes.is_empty()).map(|bytes| Step::Send(bytes)).collect();
        write(seeds, &format!("raw-{name}"), &Script { settings, steps })?;
        // All at once, and the owner acts after each byte.
        let settings = [settings[0], settings[1] | 0b0010_0000];
        write(
            seeds,
            &format!("at-once-{name}"),
            &Script { settings, steps: vec![Step::Send(&said.concat())] },
        )?;
    }
    write(seeds, "owner-answers-late", &Script { settings: [0b0011_0000, 1], steps: late_owner() })?;
    for (name, settings) in [
        ("server-two-clients", [0b0001_0001, 0]),
        ("server-federation", [0b0001_0001, 0b0010_0001]),
        ("server-refuses-conflicts", [0b0001_0001, 0b1000_0001]),
        ("server-tight-limits", [0b0101_0001, 0b0001_1001]),
        ("server-slow-store", [0b0011_0001, 1]),
        ("server-default-rates", [0b1001_0001, 1]),
        ("server-starttls", [0b0000_1101, 0]),
    ] {
        write(seeds, name, &Script { settings, steps: chat() })?;
    }
    Ok(())
}

/// The owner of a connection answers by and by: credentials, then a session, then a delivery.
fn late_owner() -> Vec<Step<'static>> {
    let turn = [Step::Peer(255), Step::Call(14)];
    let mut steps = turn.repeat(6);
    steps.extend([
        Step::Call(10),
        Step::Lazy(3),
        Step::Call(11),
        Step::Call(12),
        Step::Deadline,
        Step::Call(13),
    ]);
    steps
}

/// Three clients of a server log in, talk and leave in different ways.
fn chat() -> Vec<Step<'static>> {
    let mut steps = Vec::new();
    for n in 0..3 {
        steps.push(Step::Switch(n));
        // Where the store answers only when it is told to, it is told to.
        steps.extend([Step::Peer(255), Step::Peer(255), Step::Peer(255), Step::Call(17)]);
        steps.extend(LOGIN);
        steps.extend([Step::Wish(0), Step::Wish(1), Step::Wish(2), Step::Wish(4), Step::Peer(255)]);
    }
    steps.extend([
        Step::Call(12),
        Step::Call(13),
        Step::Switch(0),
        Step::Wish(5),
        Step::Wish(3),
        Step::Peer(255),
    ]);
    steps.extend([
        Step::Wish(6),
        Step::Peer(255),
        Step::Switch(1),
        Step::Call(5),
        Step::Switch(2),
        Step::Eof,
    ]);
    steps
}

fn client(seeds: &Path) -> io::Result<()> {
    // Settings: see `client_play`.
    let logins: [(&str, [u8; 2]); 8] = [
        ("scram", [0b0000_0000, 0]),
        ("scram-plus", [0b0010_0011, 0]),
        ("scram-starttls", [0b1001_0010, 0]),
        ("plain", [0b0000_0000, 0b1100]),
        ("credentials-when-asked", [0b0000_1000, 0]),
        ("oauthbearer", [0b0000_1111, 0]),
        ("tight-limits", [0b0111_0000, 3]),
        ("whitespace", [0b0000_0000, 2]),
    ];
    for (name, settings) in logins {
        let calls = [1, 0, 3, 20, 15, 9].map(Step::Call);
        let mut steps = vec![Step::Call(6), Step::Peer(255), Step::Call(5)];
        steps.extend(LOGIN);
        for (call, wish) in calls.into_iter().zip(0..) {
            steps.extend([call, Step::Wish(wish), Step::Peer(255), Step::Call(8)]);
        }
        steps.extend([Step::Deadline, Step::Deadline, Step::Peer(255), Step::Call(7), Step::Peer(255)]);
        let script = Script { settings, steps };
        write(seeds, &format!("peer-{name}"), &script)?;
        let said = client_play::record(&script);
        let mut said = said.iter();
        let steps = script.steps.iter().filter_map(|step| match step {
            Step::Peer(_) => said.next().filter(|bytes| !bytes.is_empty()).map(|bytes| Step::Send(bytes)),
            Step::Wish(_) => None,
            other => Some(*other),
        });
        write(seeds, &format!("raw-{name}"), &Script { settings, steps: steps.collect() })?;
    }
    Ok(())
}

fn write(seeds: &Path, name: &str, script: &Script<'_>) -> io::Result<()> {
    fs::write(seeds.join(name), script.encode())
}
