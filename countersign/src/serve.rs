//! `countersign data-service` and `countersign frontend`: one service each, for installations that run them apart.

use crate::failure::Failure;
use crate::place;
use crate::system::{self, Stop};
use crate::{logging, output};
use std::path::PathBuf;
use std::process::ExitCode;

/// Run the data service alone
///
/// Ends at SIGTERM or Ctrl-C, when what runs is finished; a second signal ends it at once.
#[derive(clap::Args)]
pub struct DataService {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Run the frontend alone
///
/// Ends at SIGTERM or Ctrl-C, when what runs is finished; a second signal ends it at once.
#[derive(clap::Args)]
pub struct Frontend {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the data service.
pub fn data_service(args: &DataService) -> Result<ExitCode, Failure> {
    let config = place::load(&args.config, &[])?;
    logging::of_a_service(&config, &config.house_warnings());
    system::block_on(async {
        let stop = Stop::on_signals().map_err(Failure::refused)?;
        let app = tokio::select! {
            app = bind_data_service(config.data_service()?) => app?,
            () = stop.asked() => return Ok(ExitCode::SUCCESS),
        };
        output::line(format_args!("the data service listens on {}", app.url()));
        let places = [("listens on", app.zeromq()), ("publishes events on", app.published())];
        for (what, address) in places.iter().flat_map(|(what, all)| all.iter().map(move |one| (what, one))) {
            output::line(format_args!("the data service {what} {address}"));
        }
        app.run(stop.asked()).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Runs the frontend.
pub fn frontend(args: &Frontend) -> Result<ExitCode, Failure> {
    let config = place::load(&args.config, &[])?;
    logging::of_a_service(&config, &config.gate_warnings());
    system::block_on(async {
        let stop = Stop::on_signals().map_err(Failure::refused)?;
        let app = bind_frontend(config.frontend(None)?)?;
        output::line(format_args!("the frontend listens on {}", app.url()));
        app.run(stop.asked()).await.map_err(Failure::refused)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The data service, bound to its address.
pub async fn bind_data_service(settings: data_service::Settings) -> Result<data_service::App, Failure> {
    Ok(data_service::App::bind(settings, data_service::Clock::system()).await?)
}

/// The frontend, bound to its address.
pub fn bind_frontend(settings: frontend::Settings) -> Result<frontend::App, Failure> {
    frontend::App::bind(settings).map_err(|error| match error {
        frontend::Error::Setting { .. } => Failure::config(format_args!("frontend.{error}")),
        frontend::Error::Listen { .. } => {
            let hint = "another address: `countersign up --frontend 127.0.0.1:0`, or frontend.listen";
            Failure::refused(format_args!("{error}; {hint}"))
        }
        error => Failure::refused(error),
    })
}
