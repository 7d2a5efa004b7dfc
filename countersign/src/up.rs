//! `countersign up`: both services in one process, on one folder that is made if it is not there.

mod answering;
mod welcome;

use crate::config::{Config, Override};
use crate::failure::Failure;
use crate::place::{self, Place};
use crate::serve::{bind_data_service, bind_frontend};
use crate::system::{self, Stop};
use crate::{init, logging, operate, output};
use data_service::Operator;
use shared::command::GetConsumer;
use shared::secret::Secret;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use welcome::Welcome;

/// Between two attempts to reach a database that went away at the wrong moment.
const PAUSE: Duration = Duration::from_secs(1);

/// Start the data service and the frontend; this is what happens without a subcommand
///
/// On an empty folder everything is made first: the database, the sealing key, the frontend's consumer and an admin
/// consumer. While there is no administrator, each start prints a one-time link that makes the first.
/// Ends at SIGTERM or Ctrl-C, when what runs is finished; a second signal ends it at once.
#[derive(clap::Args, Default)]
pub struct Args {
    /// The folder in which everything is kept [default: ./var]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the data service listens; port 0 takes a free one [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR")]
    data_service: Option<String>,
    /// Where the frontend listens; port 0 takes a free one [default: 127.0.0.1:4444]
    #[arg(long, value_name = "ADDR")]
    frontend: Option<String>,
    /// Where the data service also answers by ZeroMQ: tcp://ADDR or ipc://PATH, several with commas; `off` for nowhere
    /// [default: tcp://127.0.0.1:7979, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    zeromq: Option<String>,
    /// Write the addresses as a line of JSON to this descriptor once both services answer
    #[arg(long, value_name = "FD")]
    json_ready: Option<u32>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    // Before anything else is opened: a number that is not open now will be something else later.
    let ready = args.json_ready.map(descriptor).transpose()?;
    let place = Place::folder(args.dir.clone());
    system::block_on(async {
        let stop = Stop::on_signals().map_err(Failure::refused)?;
        let file = place.file();
        tokio::select! {
            made = init::make(&file, None, operate::open_patiently) => made?,
            () = stop.asked() => return Ok(ExitCode::SUCCESS),
        }
        let config = place::load(&place.file(), &overrides(args))?;
        logging::of_a_service(&config, &config.warnings());
        let _alone = alone(&file)?;
        serve(&place, &config, &stop, ready).await
    })
}

/// One of these at a time on a folder, whatever database it names. The lock goes with the process.
fn alone(file: &Path) -> Result<File, Failure> {
    let open = File::open(file).map_err(|error| Failure::refused(format_args!("{}: {error}", file.display())))?;
    match open.try_lock() {
        Ok(()) => Ok(open),
        Err(_) => Err(Failure::refused(format_args!(
            "another data service is running on {}: only one `countersign up` may use it",
            file.display()
        ))),
    }
}

fn descriptor(number: u32) -> Result<File, Failure> {
    let file = OpenOptions::new().write(true).open(format!("/dev/fd/{number}"));
    file.map_err(|error| Failure::usage(format_args!("--json-ready {number}: {error}")))
}

fn overrides(args: Args) -> Vec<Override> {
    let data_service = ("data_service.listen", "--data-service", args.data_service);
    let frontend = ("frontend.listen", "--frontend", args.frontend);
    let zeromq = ("zeromq.listen", "--zeromq", args.zeromq);
    let said = [data_service, frontend, zeromq].into_iter();
    said.filter_map(|(key, option, value)| Some(Override { key, option, value: value? })).collect()
}

async fn serve(place: &Place, config: &Config, stop: &Stop, ready: Option<File>) -> Result<ExitCode, Failure> {
    let mut settings = config.data_service()?;
    // The frontend in this process takes the short way, also where everybody else comes through a proxy.
    let near = config.near_url();
    settings.public_urls.extend(near.clone().filter(|near| !settings.public_urls.contains(near)));
    config.open_zeromq(&mut settings.zeromq);
    let house = tokio::select! {
        house = bind_data_service(settings) => house?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    let near = near.map(|url| url.as_str().to_owned());
    let found = near.clone().or_else(|| config.public_urls.is_empty().then(|| house.url().to_owned()));
    let gate = match config.frontend(found.as_deref()).and_then(bind_frontend) {
        Ok(gate) => gate,
        Err(failure) => {
            // Closed in order, or it would be missed in the next receipts.
            house.run(async {}).await?;
            return Err(failure);
        }
    };
    let bound = Bound {
        data_service: house.url().to_owned(),
        frontend: gate.url().trim_end_matches('/').to_owned(),
        zeromq: house.zeromq().first().cloned(),
        zeromq_publish: house.published().first().cloned(),
    };
    let public = config.public_urls.first();
    let data_service = public.map(|url| url.as_str().to_owned()).or(near);
    let data_service = data_service.unwrap_or_else(|| bound.data_service.clone());
    let (zeromq, published) = (house.zeromq().to_vec(), house.published().to_vec());
    let (server_key, frontend) = (config.zeromq_public_key(), gate.public_url());
    let services = run_both(house, gate, stop.clone());
    let announced = async {
        let answering = async {
            answering::both(&bound.data_service, &bound.frontend).await;
            first_link(config).await
        };
        let link = tokio::select! {
            link = answering => link.inspect_err(|_| stop.ask())?,
            () = stop.asked() => return Ok(()),
        };
        output::line(Welcome { data_service, frontend, zeromq, published, server_key, link, place: place.clone() });
        announce(&bound, ready);
        Ok(())
    };
    let (outcome, announced) = tokio::join!(services, announced);
    outcome.and(announced).map(|()| ExitCode::SUCCESS)
}

/// The one-time link that may be taken while there is no administrator. The link before it ends with this, so this
/// comes only when the services answer: nobody else runs on this folder, and the database is there.
async fn first_link(config: &Config) -> Result<Option<Secret>, Failure> {
    loop {
        let attempt = async {
            let operator = operate::open(config).await?;
            let opened = async {
                check_consumer(config, &operator).await?;
                Ok(operator.setup_link().await?)
            };
            let link: Result<_, Failure> = opened.await;
            operator.close().await?;
            link
        };
        match attempt.await {
            // Gone again: the data service waits for it, and ends if that takes too long.
            Err(failure) if failure.is_away() => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// What was bound, as `--json-ready` tells it.
#[derive(serde::Serialize)]
struct Bound {
    data_service: String,
    frontend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    zeromq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zeromq_publish: Option<String>,
}

fn announce(bound: &Bound, ready: Option<File>) {
    let Bound { data_service, frontend, .. } = bound;
    tracing::info!(data_service, frontend, "both services answer");
    if let Some(mut file) = ready
        && let Err(error) = writeln!(file, "{}", serde_json::json!(bound))
    {
        tracing::warn!(%error, "nobody reads what --json-ready names");
    }
}

/// A frontend whose consumer is gone would answer everybody that nothing works.
async fn check_consumer(config: &Config, operator: &Operator) -> Result<(), Failure> {
    let Some(key) = config.consumer_key.clone() else { return Ok(()) };
    let words = match operator.call(GetConsumer { key: key.clone() }).await {
        Ok(consumer) if consumer.revoked_at.is_none() => return Ok(()),
        Ok(_) => "was revoked",
        Err(data_service::Error::Refused(_)) => "is not in the database",
        Err(error) => return Err(error.into()),
    };
    Err(Failure::refused(format_args!("the frontend's consumer {key} (frontend.consumer_key) {words}")))
}

/// Runs both to their end. The frontend ends first, so that what it has begun can still be asked of the data service.
/// If one breaks off, the other is asked to stop.
async fn run_both(house: data_service::App, gate: frontend::App, stop: Stop) -> Result<(), Failure> {
    let (gate_over, over) = tokio::sync::oneshot::channel::<()>();
    let asked = stop.asked();
    let street = stop.clone();
    let gate = actix_web::rt::spawn(async move {
        let outcome = gate.run(asked).await;
        street.ask();
        drop(gate_over);
        outcome
    });
    let house = actix_web::rt::spawn(async move {
        let outcome = house.run(async move { drop(over.await) }).await;
        stop.ask();
        outcome
    });
    let (gate, house) = tokio::join!(gate, house);
    gate.map_err(Failure::refused)?.map_err(Failure::refused)?;
    Ok(house.map_err(Failure::refused)??)
}
