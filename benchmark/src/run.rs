//! What `./bench` does: everything in turn, and a table.

use crate::batch::{Batch, Order, Tokens};
use crate::figures::{ALONE, BAD, GET, Measure, OPEN, POST, SHA256, Series, Way, measure, sign, values};
use crate::load::Check;
use crate::once::{self, Remembered, Sight, Starts};
use crate::process::Server;
use crate::storm::{self, Seen, Weather};
use crate::sweep;
use crate::table::{self, Row, Target, median};
use crate::wire::Connection;
use crate::world::{self, World};
use crate::{Result, chance, machine, zeromq};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Compare the service with a bare handler and print the table
#[derive(clap::Args)]
pub struct Args {
    /// Only the first rows, in five rounds, with 10,000 tokens
    #[arg(long)]
    quick: bool,
    /// Only signed POSTs at saturation: for a profiler
    #[arg(long)]
    saturation: bool,
    /// Only the first sight of each token, by a service that is started anew in each round: for a profiler
    #[arg(long)]
    sight: bool,
    /// Only sessions that are resolved, over HTTP and ZeroMQ
    #[arg(long)]
    resolve: bool,
    /// Only the start, the idle service and the memory of nonces
    #[arg(long)]
    starts: bool,
    /// Only while 1,000,000 expired rows are swept
    #[arg(long)]
    sweep: bool,
    /// How many times everything is measured
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// With 1,000,000 tokens instead, beside 100,000 of them, and while 1,000,000 expired rows are swept
    #[arg(long)]
    large: bool,
    /// How many tokens are alive [default: 100000]
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,
    /// The executable that is measured [default: the one beside this]
    #[arg(long, value_name = "FILE")]
    countersign: Option<PathBuf>,
}

impl Args {
    /// Whether the janitor is measured too.
    fn sweeps(&self) -> bool {
        let part = self.starts || self.saturation || self.sight || self.resolve || self.quick;
        self.sweep || self.large || !part
    }
}

/// The executables.
struct Executables {
    countersign: PathBuf,
    bare: PathBuf,
    remembered: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let begun = Instant::now();
    let own = std::env::current_exe()?;
    let beside = |name: &str| own.with_file_name(name);
    let countersign = args.countersign.clone().unwrap_or_else(|| beside("countersign"));
    let executables = Executables { countersign, bare: beside("bare"), remembered: beside("remembered") };
    if args.sweeps() && world::database().is_some() {
        return Err("the sweep is measured on SQLite: with BENCH_DATABASE_URL, take --quick".into());
    }
    if !machine::cores()?.contains(&machine::GENERATOR) {
        return Err("this needs two cores: one for the server, one for the load".into());
    }
    println!("{}; load average {}", machine::name(), machine::load());
    machine::pin(&[machine::SERVER, machine::GENERATOR])?;
    remove_left_behind(own.parent().unwrap_or(Path::new(".")));
    let folder = tempfile::Builder::new()
        .prefix(FOLDER)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(own.parent().unwrap_or(Path::new(".")))?;
    let tokens = args.tokens.unwrap_or(match (args.quick || args.starts, args.large) {
        (_, true) => 1_000_000,
        (true, false) => 10_000,
        (false, false) => 100_000,
    });
    let world = World::make(folder.path(), tokens)?;
    println!("{} consumers and {} tokens made after {:.1} s", world.consumers.len(), tokens, seconds(begun));
    machine::pin(&[machine::GENERATOR])?;
    let rounds = args.rounds.unwrap_or(if args.quick { 5 } else { 15 });
    if args.saturation {
        return saturate(&executables, &world, rounds);
    }
    if args.sight {
        return see(&executables, &world, rounds);
    }
    if args.resolve {
        return resolve(&executables, &world, rounds);
    }
    let mut rows = vec![Row::heading()];
    if args.starts || args.sweep {
        if args.starts {
            rows.extend(start_rows(&world, &executables, rounds)?);
        }
        if args.sweep {
            rows.extend(sweep::rows(&world, &executables.countersign, rounds)?);
        }
        table::print(&rows);
        return Ok(());
    }
    let others = compare(args, &executables, &world, rounds, &mut rows);
    println!();
    // What was measured before something failed is told all the same.
    table::print(&rows);
    let others = others?;
    let noise = 100.0 * median(&others);
    let worst = 100.0 * others.iter().copied().fold(0.0, f64::max);
    println!("\n{rounds} rounds, {:.0} s, load average {}.", seconds(begun), machine::load());
    println!("Other processes took {noise:.0} % of a core meanwhile, {worst:.0} % at worst: {}.", verdict(noise));
    Ok(())
}

/// How the folders are called in which everything is made.
const FOLDER: &str = "bench-";
/// A run takes less than this.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// Removes the folders of runs that were interrupted.
fn remove_left_behind(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(FOLDER);
        let changed = entry.metadata().ok().filter(|facts| facts.is_dir()).and_then(|facts| facts.modified().ok());
        if ours && changed.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > LONGEST) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn verdict(noise: f64) -> &'static str {
    match noise {
        _ if noise < 10.0 => "a quiet machine",
        _ if noise < 40.0 => "read the ratios, not the microseconds",
        _ => "too noisy, measure again",
    }
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

fn compare(
    args: &Args,
    executables: &Executables,
    world: &World,
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<Vec<f64>> {
    let ours = world.start(&executables.countersign)?;
    let like = one_answer(world, &ours)?;
    let bare = once::bare(&executables.bare, &like)?;
    let mut sights = vec![once::first_sight(world, &bare, &ours)?];
    let servers = (&bare, &ours);
    let ways: &[Way] = if args.quick { &[POST, OPEN, ALONE] } else { &[POST, OPEN, ALONE, GET] };
    let mut series = vec![Series::default(); ways.len()];
    let (mut refused, mut fewer) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for (series, way) in series.iter_mut().zip(ways) {
            series.round(round, world, servers, *way)?;
        }
        let batch = sign(world, &ours, BAD, Tokens::Random(world.tokens.len()))?;
        refused.push(measure(&ours, BAD, &batch, Check::Echo(world))?);
        if args.large {
            let batch = sign(world, &ours, POST, Tokens::Random(FEWER.min(world.tokens.len())))?;
            fewer.push(measure(&ours, POST, &batch, Check::Echo(world))?);
        }
        println!("{}", progress(round, &series, &refused));
    }
    if !args.quick {
        // By itself: a site signs in one way, and a token that is signed in another has to be read once more.
        once::see(world, &ours, SHA256, world.tokens.len())?;
        let mut other = Series::default();
        for round in 0..rounds {
            other.round(round, world, servers, SHA256)?;
        }
        series.push(other);
    }
    let others = series.iter().flat_map(|one| one.bare.iter().chain(&one.ours)).map(|measure| measure.others);
    let others = others.collect();
    let mut weathers = [const { Vec::new() }; 3];
    if !args.quick {
        for _ in 0..rounds.min(3) {
            for (seen, weather) in weathers.iter_mut().zip([Weather::Quiet, Weather::Storm, Weather::Flood]) {
                seen.push(storm::measure(world, &ours, weather)?);
            }
        }
    }
    ours.stop()?;
    if !args.quick {
        // Each by a service that knows none of the tokens, and all of them unused.
        for _ in 1..rounds.min(5) {
            world.forget_uses()?;
            let ours = world.start(&executables.countersign)?;
            sights.push(once::first_sight(world, &bare, &ours)?);
            ours.stop()?;
        }
    }
    bare.stop()?;
    rows.extend(table_of(&series, &refused, &sights));
    if let [post, ..] = &series[..]
        && args.large
    {
        let (fewer, all) = (values(&fewer, |m| m.cpu), values(&post.ours, |m| m.cpu));
        rows.push(Row::ratio("all tokens (base: 100,000 of them): us of CPU", &fewer, &all, Target::Most(1.05)));
    }
    if !args.quick {
        rows.extend(storm_rows(&weathers));
        rows.extend(zeromq::rows(world, &executables.countersign, &executables.bare, &like, rounds)?);
        rows.extend(start_rows(world, executables, rounds)?);
    }
    if args.sweeps() {
        rows.extend(sweep::rows(world, &executables.countersign, rounds)?);
    }
    Ok(others)
}

/// The first row alone.
fn saturate(executables: &Executables, world: &World, rounds: usize) -> Result<()> {
    let ours = world.start(&executables.countersign)?;
    let bare = once::bare(&executables.bare, &one_answer(world, &ours)?)?;
    // Every token is in memory before anything is measured.
    once::first_sight(world, &bare, &ours)?;
    let mut series = Series::default();
    for round in 0..rounds {
        series.round(round, world, (&bare, &ours), POST)?;
    }
    let cpu = |measure: &Measure| measure.cpu;
    table::print(&[
        Row::heading(),
        series.row("signed POST, at saturation: us of CPU", cpu, Target::Most(1.25)),
        series.row("  requests/s", |m| m.rate, Target::Least(0.8)),
    ]);
    Ok(())
}

fn see(executables: &Executables, world: &World, rounds: usize) -> Result<()> {
    let mut sights = Vec::new();
    for _ in 0..rounds {
        world.forget_uses()?;
        let ours = world.start(&executables.countersign)?;
        let bare = once::bare(&executables.bare, &one_answer(world, &ours)?)?;
        sights.push(once::first_sight(world, &bare, &ours)?);
        ours.stop()?;
    }
    table::print(&[vec![Row::heading()], sight_rows(&sights)].concat());
    Ok(())
}

fn resolve(executables: &Executables, world: &World, rounds: usize) -> Result<()> {
    let ours = world.start(&executables.countersign)?;
    let like = one_answer(world, &ours)?;
    ours.stop()?;
    let mut rows = vec![Row::heading()];
    rows.extend(zeromq::rows(world, &executables.countersign, &executables.bare, &like, rounds)?);
    table::print(&rows);
    Ok(())
}

fn sight_rows(sights: &[Sight]) -> Vec<Row> {
    let of = |pick: fn(&Sight) -> f64| sights.iter().map(pick).collect::<Vec<f64>>();
    let bare = of(|sight| sight.bare.cpu);
    let mut rows = vec![
        Row::ratio("first sight of a token: us of CPU", &bare, &of(|sight| sight.ours.cpu), Target::Most(3.0)),
        Row::ratio("  and until its use is written down", &bare, &of(|sight| sight.written), Target::None),
    ];
    // With few the system's rounding is most of it.
    if sights.iter().all(|sight| sight.tokens >= 100_000) {
        // Later ones begin with nonces that expire meanwhile.
        let bytes = of(|sight| sight.bytes).into_iter().take(1).collect::<Vec<f64>>();
        rows.push(Row::plain("  resident bytes for each token in memory", &bytes, Target::Most(200.0)));
    }
    rows
}

/// Tokens that a service with many is asked about for comparison.
const FEWER: usize = 100_000;

/// One line a round, so that somebody who waits sees something.
fn progress(round: usize, series: &[Series], refused: &[Measure]) -> String {
    let of = |series: &Series| match (series.bare.last(), series.ours.last()) {
        (Some(bare), Some(ours)) => format!("{:.3}", ours.cpu / bare.cpu),
        _ => String::new(),
    };
    let ratios: Vec<String> = series.iter().map(of).collect();
    let (refused, closed) = refused.last().map_or((f64::NAN, 0), |measure| (measure.cpu, measure.closed));
    format!(
        "round {}: CPU / bare {}; a bad signature {refused:.2} us, {closed} connections closed",
        round + 1,
        ratios.join(" ")
    )
}

fn table_of(series: &[Series], refused: &[Measure], sights: &[Sight]) -> Vec<Row> {
    let [post, open, alone, rest @ ..] = series else { return Vec::new() };
    let cpu = |measure: &Measure| measure.cpu;
    let mut rows = vec![
        post.row("signed POST, at saturation: us of CPU", cpu, Target::Most(1.25)),
        post.row("  and after the last answer", |m| m.later, Target::None),
        post.row("  requests/s", |m| m.rate, Target::Least(0.8)),
        post.row("  p50 us", |m| m.p50, Target::None),
        post.row("  p99 us", |m| m.p99, Target::None),
        open.row("10,000/s, open loop: us of CPU", cpu, Target::Most(1.12)),
        open.row("  and after the last answer", |m| m.later, Target::None),
        open.row("  p50 us", |m| m.p50, Target::None),
        open.row("  p99 us", |m| m.p99, Target::None),
        alone.row("one caller: p50 us", |m| m.p50, Target::Most(1.08)),
        alone.row("  p99 us", |m| m.p99, Target::None),
        alone.row("  us of CPU", cpu, Target::None),
        Row::ratio(
            "a bad signature (base: a good one): us of CPU",
            &values(&post.ours, cpu),
            &values(refused, cpu),
            Target::Most(1.0),
        ),
    ];
    rows.extend(sight_rows(sights));
    for (series, name) in rest.iter().zip(["GET without a body: us of CPU", "HMAC-SHA256: us of CPU"]) {
        rows.push(series.row(name, cpu, Target::Most(1.25)));
    }
    rows
}

fn storm_rows(weathers: &[Vec<Seen>; 3]) -> Vec<Row> {
    let [quiet, storm, flood] = weathers;
    let of = |seen: &[Seen], pick: fn(&Seen) -> f64| seen.iter().map(pick).collect::<Vec<f64>>();
    let pair = |figure, seen: &[Seen], pick, target| Row::ratio(figure, &of(quiet, pick), &of(seen, pick), target);
    vec![
        pair("32 clients log in (base: none), 5,000 signed/s: served/s", storm, |s| s.rate, Target::Least(0.999)),
        pair("  p50 us", storm, |s| s.p50, Target::Most(1.2)),
        Row::plain("  p99 us", &of(storm, |s| s.p99), Target::Most(5000.0)),
        Row::plain("  logins/s", &of(storm, |s| s.logins), Target::None),
        Row::plain("  share of logins answered 503", &of(storm, |s| s.refused), Target::None),
        pair("  peak of resident memory, MiB", storm, |s| s.peak, Target::None),
        pair("200 logins/s are offered (base: none): served/s", flood, |s| s.rate, Target::Least(0.999)),
        pair("  p50 us", flood, |s| s.p50, Target::None),
        Row::plain("  p99 us", &of(flood, |s| s.p99), Target::None),
        Row::plain("  logins/s", &of(flood, |s| s.logins), Target::None),
        Row::plain("  share of logins answered 503", &of(flood, |s| s.refused), Target::None),
        Row::plain("  p50 us of the 503", &of(flood, |s| s.refused_p50), Target::None),
        Row::plain("  p99 us of the 503", &of(flood, |s| s.refused_p99), Target::Most(50_000.0)),
    ]
}

/// In a world of its own: in the other one are the nonces of millions of requests.
fn start_rows(world: &World, executables: &Executables, rounds: usize) -> Result<Vec<Row>> {
    let folder = world.folder.join("starts");
    world::make_private(&folder)?;
    let orderly = World::make(&folder, 1_000)?;
    // The first start makes what is not there yet.
    orderly.start(&executables.countersign)?.stop()?;
    let (mut starts, mut remembered) = (Starts::default(), Remembered::default());
    for _ in 0..rounds {
        starts.round(&orderly, &executables.countersign, &executables.bare)?;
    }
    let recovery = once::recovery(&orderly, &executables.countersign)?;
    for _ in 0..rounds.min(5) {
        remembered.round(&executables.remembered)?;
    }
    let sizes = (once::size(&executables.bare)?, once::size(&executables.countersign)?);
    let most = remembered.longest.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Row::ratio("start to ready: ms", &starts.bare, &starts.ours, Target::Most(2.5)),
        Row::plain("  with 1,000,000 nonces to recover: ms", &recovery, Target::None),
        Row::plain("idle: MiB (PSS)", &starts.idle, Target::Most(10.0)),
        Row::ratio("executable: MiB", &[sizes.0], &[sizes.1], Target::None),
        Row::plain("resident bytes for each live nonce at 6,000,000", &remembered.bytes, Target::Most(16.0)),
        Row::plain("  longest insert, us", &remembered.longest, Target::Most(500.0)),
        Row::plain("  the longest of all rounds, us", &[most], Target::None),
    ])
}

/// What `/echo` answers: the bare handler answers the same.
fn one_answer(world: &World, server: &Server) -> Result<String> {
    let order =
        Order { kind: POST.kind, method: POST.method, tokens: Tokens::Random(1), count: 1, per_second: usize::MAX };
    let batch = Batch::sign(world, server.address, order)?;
    let mut connection = Connection::open(server.address)?;
    let (answer, body) = connection.exchange(batch.request(0))?;
    if answer.status != 200 {
        return Err(format!("{} at {}: {}", answer.status, chance::now(), String::from_utf8_lossy(body)).into());
    }
    println!(
        "{} bytes of request, {} of answer: {}",
        batch.request(0).len(),
        body.len(),
        String::from_utf8_lossy(body)
    );
    Ok(String::from_utf8(body.to_vec())?)
}
