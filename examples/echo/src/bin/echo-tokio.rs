//! The bot on tokio.

use echo::{Bot, Failure};
use waxwing_core::client::Client;
use waxwing_tokio::{Clock, Driver, entropy};
use waxwing_tokio::{Dialer, system_config};

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    echo::exit(runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run())))
}

async fn run() -> Result<(), Failure> {
    let mut bot = Bot::from_args()?;
    let (socket, route) = Dialer::new(bot.target.clone(), system_config())?.dial().await?;
    let clock = Clock::start();
    let client = Client::new(bot.config(&route), clock.now(), entropy()?);
    let mut driver = Driver::new(client, socket, clock)?;
    while let Some(event) = driver.next_event().await {
        bot.react(driver.machine_mut(), clock.now(), event)?;
    }
    Ok(())
}
