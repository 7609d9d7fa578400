//! The bot on async-std, which is no longer maintained: new programs do better with smol.

use echo::{Bot, Failure};
use waxwing_async_std::{Clock, Dialer, Driver, entropy, system_config};
use waxwing_core::client::Client;

fn main() -> std::process::ExitCode {
    echo::exit(async_std::task::block_on(run()))
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
