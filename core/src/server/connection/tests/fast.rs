//! Tokens (XEP-0484).

use super::sasl2::{CLIENT, assert_failure2, authenticate, messages, opened, success, user_agent};
use super::*;
use crate::sasl::{self, ClientSession, Mechanism, Policy};
use crate::server::store::TokenChange;
use crate::stream::fast::Token;
use crate::stream::sasl2::Message;

const OTHER: &str = "00000000-0000-4000-8000-000000000000";
const BIND: &str = "<bind xmlns='urn:xmpp:bind:0'/>";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn request_token(mechanism: &str) -> String {
    format!("<request-token xmlns='urn:xmpp:fast:0' mechanism='{mechanism}'/>")
}

fn client(id: &str) -> ClientId {
    ClientId::parse(id).expect("a UUID")
}

/// What juliet's server keeps, between connections.
struct Home {
    config: Config,
    tokens: BTreeMap<ClientId, Tokens>,
    credentials: StoredCredentials,
    now: Now,
    connections: u8,
}

impl Home {
    fn new() -> Home {
        let now = Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000));
        Home { config: in_the_clear(), tokens: BTreeMap::new(), credentials: stored(), now, connections: 0 }
    }

    /// One connection.
    fn with<T>(&mut self, run: impl FnOnce(&mut Peer) -> T) -> T {
        let mut peer = Peer::new(self.config.clone(), secured());
        let waited = self.now.instant - Instant::ORIGIN;
        // Each gives tokens of its own.
        self.connections += 1;
        let seed = [self.connections; 32];
        peer.connection =
            Connection::new(Arc::new(self.config.clone()), secured(), Entropy::from_seed(seed), self.now);
        peer.now = peer.now.after(waited);
        peer.tokens.clone_from(&self.tokens);
        peer.credentials = self.credentials.clone();
        peer.send(&header());
        let result = run(&mut peer);
        self.tokens = peer.tokens;
        result
    }

    /// Logs in with the password; the token that is given, if one is.
    fn password(&mut self, besides: &str) -> Option<Token> {
        let initial = format!("\0juliet\0{PASSWORD}");
        self.with(|peer| success(&peer.send(&authenticate("PLAIN", initial.as_bytes(), besides))).0.token)
    }

    fn given(&mut self, mechanism: &str) -> String {
        let token = self.password(&[user_agent(CLIENT), request_token(mechanism)].concat());
        token.expect("a token").token
    }

    /// Tries a token; what the server answers.
    fn attempt(&mut self, login: &Login<'_>) -> String {
        self.with(|peer| peer.send(&login.request().1))
    }

    /// Logs in with a token; another one, if it is given.
    #[track_caller]
    fn token(&mut self, login: &Login<'_>) -> Option<Token> {
        let answer = self.attempt(login);
        let (success, features) = success(&answer);
        assert_eq!(
            login.request().0.success(success.data.as_deref()),
            Ok(()),
            "the server proves the token, too"
        );
        assert!(success.bound.is_some() && !features.bind());
        success.token
    }

    #[track_caller]
    fn refused(&mut self, login: &Login<'_>, condition: &str) {
        assert_failure2(&self.attempt(login), condition);
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }
}

#[derive(Clone, Copy)]
struct Login<'a> {
    mechanism: &'a str,
    token: &'a str,
    user: &'a str,
    client: &'a str,
    /// Attributes of `<fast/>`.
    attributes: &'a str,
    besides: &'a str,
}

impl<'a> Login<'a> {
    fn new(token: &'a str) -> Login<'a> {
        let (mechanism, user) = ("HT-SHA-256-EXPR", "juliet");
        Login { mechanism, token, user, client: CLIENT, attributes: "", besides: "" }
    }

    fn request(&self) -> (ClientSession, String) {
        let mechanism = Mechanism::with_token(self.mechanism).expect("a mechanism");
        let Transport::Secured(tls) = secured() else { panic!() };
        let policy = Policy::default();
        let begun = ClientSession::with_token(mechanism, self.user, self.token, &policy, true, &tls.bindings);
        let (session, start) = begun.expect("it begins");
        let fast = format!("<fast xmlns='urn:xmpp:fast:0' {}/>", self.attributes);
        let besides = [&user_agent(self.client), BIND, &fast, self.besides].concat();
        (session, authenticate(self.mechanism, &start.initial.expect("a message"), &besides))
    }
}

#[test]
fn xep0484_3_2_and_3_4_a_token_for_the_next_time_and_one_round_trip_with_it() {
    for mechanism in ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP", "HT-SHA-256-NONE"] {
        let mut home = Home::new();
        let token = home.given(mechanism);
        for _ in 0..3 {
            assert_eq!(home.token(&Login { mechanism, ..Login::new(&token) }), None);
        }
    }
}

#[test]
fn xep0484_3_2_other_means_than_the_password_lead_to_a_token_as_well() {
    let mut home = Home::new();
    home.config.sasl.oauthbearer = true;
    home.config.sasl.anonymous = true;
    let besides = [user_agent(CLIENT), request_token("HT-SHA-256-EXPR")].concat();
    let bearer = authenticate("OAUTHBEARER", b"n,,\x01auth=Bearer tok\x01\x01", &besides);
    let token = home.with(|peer| {
        assert_eq!(peer.send(&bearer), "");
        peer.connection.verdict(peer.now, Ok("juliet".into()));
        success(&peer.drain()).0.token.expect("a token").token
    });
    home.token(&Login::new(&token));
    // It hangs on the account's credentials like any other.
    home.credentials = StoredCredentials::derive("another", 4, &mut Entropy::from_seed([2; 32])).unwrap();
    home.refused(&Login::new(&token), "not-authorized");
    // Nobody is kept out for want of one; and guests get none.
    for stored in [Ok(None), Err(Unavailable)] {
        home.with(|peer| {
            peer.answers = Answers::Never;
            peer.send(&bearer);
            peer.connection.verdict(peer.now, Ok("juliet".into()));
            assert_eq!(peer.drain(), "");
            peer.connection.tokens(peer.now, stored);
            assert_eq!(success(&peer.drain()).0.token, None);
        });
    }
    home.with(|peer| {
        assert_eq!(success(&peer.send(&authenticate("ANONYMOUS", b"", &besides))).0.token, None)
    });
}

#[test]
fn xep0484_3_3_a_token_says_when_it_expires() {
    let mut home = Home::new();
    let token =
        home.password(&[user_agent(CLIENT), request_token("HT-SHA-256-EXPR")].concat()).expect("a token");
    assert_eq!(token.expiry.unix_millis() - home.now.utc.unix_millis(), 21 * 24 * 60 * 60 * 1000);
    assert!(token.token.len() >= 43, "256 bits: {}", token.token);
    home.token(&Login::new(&token.token));
    home.config.sasl2.tokens.as_mut().expect("on").rotate_after = 30 * DAY;
    home.wait(21 * DAY - Duration::from_millis(1));
    home.token(&Login::new(&token.token));
    home.wait(Duration::from_millis(1));
    home.refused(&Login::new(&token.token), "credentials-expired");
    home.refused(&Login::new("another"), "not-authorized");
}

#[test]
fn xep0484_3_2_no_token_without_a_client_or_for_what_is_not_offered() {
    let mut home = Home::new();
    assert_eq!(home.password(&request_token("HT-SHA-256-EXPR")), None);
    for mechanism in ["HT-SHA-256-UNIQ", "SCRAM-SHA-256", "PLAIN"] {
        assert_eq!(home.password(&[user_agent(CLIENT), request_token(mechanism)].concat()), None);
    }
    assert_eq!(home.password(&user_agent(CLIENT)), None, "nobody asked");
    home.config.sasl2.tokens = None;
    assert_eq!(home.password(&[user_agent(CLIENT), request_token("HT-SHA-256-EXPR")].concat()), None);
    assert!(home.tokens.is_empty());
}

#[test]
fn xep0484_the_store_keeps_nothing_that_one_could_log_in_with() {
    let mut home = Home::new();
    let token = home.given("HT-SHA-256-NONE");
    let kept = format!("{:?} {:?}", home.tokens, home.credentials);
    assert!(!kept.contains(&token));
    let kept = home.tokens[&client(CLIENT)].new.clone().expect("it is kept");
    for guess in [BASE64.encode(kept.id), kept.id.iter().map(|byte| format!("{byte:02x}")).collect()] {
        home.refused(&Login { mechanism: "HT-SHA-256-NONE", ..Login::new(&guess) }, "not-authorized");
    }
    // Another secret makes other tokens.
    let mut elsewhere = Home::new();
    elsewhere.config = Config::new([domain("im.example.com")], [8; 32]);
    elsewhere.tokens = home.tokens.clone();
    elsewhere.refused(&Login { mechanism: "HT-SHA-256-NONE", ..Login::new(&token) }, "not-authorized");
}

#[test]
fn xep0484_3_4_a_token_is_good_for_one_mechanism_one_client_and_one_account() {
    let mut home = Home::new();
    let token = home.given("HT-SHA-256-EXPR");
    let good = Login::new(&token);
    for mechanism in ["HT-SHA-256-ENDP", "HT-SHA-256-NONE"] {
        home.refused(&Login { mechanism, ..good }, "not-authorized");
    }
    home.refused(&Login { client: OTHER, ..good }, "not-authorized");
    for user in ["romeo", "nobody", "not a name@"] {
        home.refused(&Login { user, ..good }, "not-authorized");
    }
    home.token(&good);
}

#[test]
fn xep0484_5_1_the_old_token_is_good_until_the_new_one_is_used() {
    let mut home = Home::new();
    let first = home.given("HT-SHA-256-EXPR");
    assert_eq!(home.token(&Login::new(&first)), None);
    home.wait(DAY);
    let second = home.token(&Login::new(&first)).expect("it is due").token;
    // It did not arrive.
    let third = home.token(&Login::new(&first)).expect("still due").token;
    assert!(first != second && second != third);
    home.refused(&Login::new(&second), "not-authorized");
    assert_eq!(home.token(&Login::new(&third)), None, "fresh");
    home.refused(&Login::new(&first), "not-authorized");
    assert_eq!(home.token(&Login::new(&third)), None);
}

#[test]
fn xep0484_3_4_a_count_that_was_seen_before_is_a_replay() {
    let mut home = Home::new();
    let token = home.given("HT-SHA-256-EXPR");
    let counted = |attributes| Login { attributes, ..Login::new(&token) };
    home.token(&counted("count='1'"));
    home.refused(&counted("count='1'"), "not-authorized");
    home.token(&counted("count='5'"));
    home.refused(&counted("count='4'"), "not-authorized");
    home.token(&counted(""));
    home.refused(&counted("count='5'"), "not-authorized");
    home.token(&counted("count='6'"));
}

#[test]
fn xep0484_3_6_a_token_that_is_given_back_is_good_for_nothing() {
    let mut home = Home::new();
    let first = home.given("HT-SHA-256-EXPR");
    home.token(&Login::new(&first));
    home.wait(2 * DAY);
    let second = home.token(&Login::new(&first)).expect("it is due").token;
    home.wait(2 * DAY);
    let last = Login { attributes: "invalidate='true'", ..Login::new(&first) };
    assert_eq!(home.token(&last), None, "none instead, though it is due");
    home.refused(&Login::new(&first), "not-authorized");
    home.refused(&Login::new(&second), "not-authorized");

    // Unless the client wants another one.
    let token = home.given("HT-SHA-256-EXPR");
    let besides = request_token("HT-SHA-256-NONE");
    let swap = Login { attributes: "invalidate='1'", besides: &besides, ..Login::new(&token) };
    let other = home.token(&swap).expect("asked for").token;
    home.refused(&Login::new(&token), "not-authorized");
    home.token(&Login { mechanism: "HT-SHA-256-NONE", ..Login::new(&other) });
}

#[test]
fn xep0484_a_new_password_is_the_end_of_all_tokens() {
    let mut home = Home::new();
    let token = home.given("HT-SHA-256-EXPR");
    home.token(&Login::new(&token));
    // Even where the store has kept them, since a login was under way.
    let other = StoredCredentials::derive("other", 4, &mut Entropy::from_seed([4; 32])).expect("keys");
    home.credentials = other;
    home.refused(&Login::new(&token), "not-authorized");
    home.credentials = StoredCredentials { disabled: true, ..stored() };
    home.refused(&Login::new(&token), "account-disabled");
    home.refused(&Login::new("another"), "not-authorized");
}

#[test]
fn xep0484_3_3_nobody_is_told_of_a_token_before_the_store_has_it() {
    let begin = |peer: &mut Peer| {
        peer.answers = Answers::Never;
        let besides = [&user_agent(CLIENT), BIND, &request_token("HT-SHA-256-EXPR")].concat();
        let request = authenticate("PLAIN", format!("\0juliet\0{PASSWORD}").as_bytes(), &besides);
        peer.send(&request);
        peer.connection.credentials(peer.now, Ok(Some(stored())));
        assert_eq!(peer.drain(), "");
        assert_eq!(peer.connection.read_budget(), 0);
        let changes = peer.events.iter().find_map(|event| match event {
            Event::ChangeTokens { account, client: who, changes } => {
                assert_eq!((account.as_str(), *who), ("juliet@im.example.com", client(CLIENT)));
                Some(changes.clone())
            }
            _ => None,
        });
        assert!(matches!(changes.as_deref(), Some([TokenChange::Given { after: None, .. }])), "{changes:?}");
        assert!(!peer.events.iter().any(|event| matches!(event, Event::Bind { .. })));
    };
    for (result, given) in [(Ok(()), true), (Err(Unavailable), false)] {
        let mut peer = opened(in_the_clear());
        begin(&mut peer);
        peer.answers = Answers::AtOnce;
        peer.connection.tokens_changed(peer.now, result);
        let (success, _) = success(&peer.drain());
        assert_eq!(success.token.is_some(), given, "without the token, but logged in");
        assert!(success.bound.is_some());
    }
}

#[test]
fn xep0484_3_5_whoever_cannot_be_made_to_forget_the_old_token_is_not_let_in() {
    for attributes in ["", "count='3'", "invalidate='true'"] {
        let mut home = Home::new();
        let token = home.given("HT-SHA-256-EXPR");
        home.with(|peer| {
            let tokens = peer.tokens[&client(CLIENT)].clone();
            peer.answers = Answers::Never;
            peer.send(&Login { attributes, ..Login::new(&token) }.request().1);
            peer.connection.tokens(peer.now, Ok(Some(StoredTokens { credentials: stored(), tokens })));
            assert_eq!(peer.drain(), "");
            peer.connection.tokens_changed(peer.now, Err(Unavailable));
            assert_failure2(&peer.drain(), "temporary-auth-failure");
        });
    }
}

#[test]
fn xep0484_a_store_that_does_not_answer_is_no_refusal() {
    let mut peer = opened(in_the_clear());
    peer.answers = Answers::Never;
    peer.send(&Login::new("token").request().1);
    let asked = peer.event();
    assert!(
        matches!(asked, Some(Event::LookupTokens { client: who, .. }) if who == client(CLIENT)),
        "{asked:?}"
    );
    peer.connection.tokens(peer.now, Err(Unavailable));
    assert_failure2(&peer.drain(), "temporary-auth-failure");
    // Answers that nobody waits for change nothing.
    peer.connection.tokens(peer.now, Ok(None));
    peer.connection.tokens_changed(peer.now, Ok(()));
    assert_eq!(peer.drain(), "");
}

#[test]
fn xep0484_5_2_unknown_accounts_clients_and_tokens_get_the_same_octets() {
    let mut home = Home::new();
    let token = home.given("HT-SHA-256-EXPR");
    let good = Login::new(&token);
    let attempts = [
        Login { user: "nobody", ..good },
        Login { client: OTHER, ..good },
        Login { token: "wrong", ..good },
        Login { token: "wrong", mechanism: "HT-SHA-256-NONE", ..good },
        Login { token: "wrong", user: "nobody", attributes: "count='1' invalidate='1'", ..good },
    ];
    let mut answers = Vec::new();
    for attempt in attempts {
        let (answer, asked) = home.with(|peer| {
            let answer = peer.send(&attempt.request().1);
            let lookups =
                peer.events.iter().filter(|event| matches!(event, Event::LookupTokens { .. })).count();
            (answer, lookups)
        });
        answers.push((answer, asked));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].1, 1, "the store is asked each time");
}

#[test]
fn xep0484_failed_tokens_count_as_failed_passwords_do() {
    let mut peer = opened(in_the_clear());
    let wrong = Login::new("wrong").request().1;
    let answer = peer.send(&wrong.repeat(6));
    assert_stream_error(&answer, "policy-violation");
    assert_eq!(messages(&answer).len(), 5);
    let failures = peer.events.iter().filter(|event| {
        matches!(
            event,
            Event::AuthenticationFailed { account: Some(_), condition: sasl::Condition::NotAuthorized, .. }
        )
    });
    assert_eq!(failures.count(), 5);
}

#[test]
fn xep0484_3_4_tokens_and_their_element_go_together() {
    let mut home = Home::new();
    let token = home.given("HT-SHA-256-EXPR");
    let request = Login::new(&token).request().1;
    let fast = "<fast xmlns='urn:xmpp:fast:0' />";
    let password = format!("\0juliet\0{PASSWORD}");
    for wrong in [
        request.replace(fast, ""),
        request.replace(&user_agent(CLIENT), ""),
        request.replace(&format!(" id='{CLIENT}'"), ""),
        authenticate("PLAIN", password.as_bytes(), &[&user_agent(CLIENT), fast].concat()),
        request.replace(fast, "<fast xmlns='urn:xmpp:fast:0' count='0'/>"),
    ] {
        assert_ne!(wrong, request);
        assert_failure2(&home.with(|peer| peer.send(&wrong)), "malformed-request");
    }
    // In RFC 6120's profile there are none.
    let initial = BASE64.encode(b"juliet\0");
    assert_failure(&home.with(|peer| peer.send(&auth("HT-SHA-256-EXPR", &initial))), "invalid-mechanism");
    home.config.sasl2.tokens = None;
    home.refused(&Login::new(&token), "invalid-mechanism");
    assert!(matches!(messages(&home.attempt(&Login::new(&token)))[..], [Message::Failure(_)]));
}
