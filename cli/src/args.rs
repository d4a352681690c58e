//! The command line. Every flag has its `SCRAPE_RELAY_*` twin in the environment; the flag wins.

use model::settings::Capacity;
use runtime::address::ListenAddress;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod relays;
mod ring;
mod targets;

pub use relays::{DrainArgs, RelaysCommand};
pub use ring::{ChangeArgs, RingCommand, SimulateArgs};
pub use targets::{PageArgs, StreamOutput, TargetsCommand, WatchArgs};

/// Scrapes a fleet of targets on behalf of a Prometheus and serves them as a few valid pages.
#[derive(Debug, Parser)]
#[command(name = "scrape-relay", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Logs.
    #[command(flatten)]
    pub log: LogArgs,
}

/// How the process logs, to standard error.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// Least severity that is logged.
    #[arg(long, global = true, env = "SCRAPE_RELAY_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: runtime::log::Level,
    /// How a log line is written.
    #[arg(
        long,
        global = true,
        env = "SCRAPE_RELAY_LOG_FORMAT",
        default_value = "logfmt",
        value_name = "FORMAT"
    )]
    pub log_format: runtime::log::Format,
    /// Where traces go, as OTLP over gRPC; default: OTEL_EXPORTER_OTLP_ENDPOINT, without which there are none
    #[arg(long, global = true, env = "SCRAPE_RELAY_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Discovers targets and gives every relay its slice of them
    Coordinator(CoordinatorArgs),
    /// Scrapes its slice when it is scraped itself, and serves one merged page
    Relay(RelayArgs),
    /// A coordinator and one relay in one process
    Standalone(StandaloneArgs),
    /// A whole fleet on this machine's loopback, to look at and to scrape
    Demo(DemoArgs),
    /// Asks a coordinator about targets
    #[command(subcommand)]
    Targets(TargetsCommand),
    /// Asks a coordinator about relays, and drains them
    #[command(subcommand)]
    Relays(RelaysCommand),
    /// Asks a coordinator how targets are spread over relays, and what would move
    #[command(subcommand)]
    Ring(RingCommand),
    /// Asks a coordinator what it watches in which cluster
    #[command(subcommand)]
    Discoveries(DiscoveriesCommand),
    /// Tells the whole story of a target: discovered, relabelled, owned, scraped, served
    Explain(ExplainArgs),
    /// Says how the whole fleet does, what needs somebody first
    Status(StatusArgs),
    /// Tests what an installation needs: configuration, coordinator, discoveries, relays, targets
    Check(CheckArgs),
    /// Looks at configuration files
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Where a server may listen without authentication.
#[derive(Clone, Debug, Args)]
pub struct ListenArgs {
    /// Listen on other addresses than loopback although nobody is asked who they are
    #[arg(
        long,
        env = "SCRAPE_RELAY_INSECURE_ALLOW_UNAUTHENTICATED",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub insecure_allow_unauthenticated: bool,
}

/// `scrape-relay coordinator`
#[derive(Clone, Debug, Args)]
pub struct CoordinatorArgs {
    /// The configuration file; read again on SIGHUP and when it changes
    #[arg(long, env = "SCRAPE_RELAY_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// Where relays and operators connect, by gRPC
    #[arg(long, env = "SCRAPE_RELAY_GRPC_LISTEN", default_value = "127.0.0.1:15092", value_name = "ADDR")]
    pub grpc_listen: ListenAddress,
    /// Own metrics, probes, and the list of relays for Prometheus
    #[arg(long, env = "SCRAPE_RELAY_HTTP_LISTEN", default_value = "127.0.0.1:15091", value_name = "ADDR")]
    pub http_listen: ListenAddress,
    /// See there.
    #[command(flatten)]
    pub listen: ListenArgs,
}

/// `scrape-relay relay`
#[derive(Clone, Debug, Args)]
pub struct RelayArgs {
    /// A coordinator's gRPC address; may be given several times
    #[arg(
        long,
        env = "SCRAPE_RELAY_COORDINATOR",
        required = true,
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub coordinator: Vec<String>,
    /// This replica's name, the same after a restart
    #[arg(long, env = "SCRAPE_RELAY_NAME", value_name = "NAME")]
    pub name: String,
    /// Where Prometheus scrapes /metrics
    #[arg(long, env = "SCRAPE_RELAY_LISTEN", default_value = "127.0.0.1:15090", value_name = "ADDR")]
    pub listen: ListenAddress,
    /// Own metrics and probes
    #[arg(long, env = "SCRAPE_RELAY_HTTP_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub http_listen: ListenAddress,
    /// host:port under which Prometheus reaches this relay; default: where it listens
    #[arg(long, env = "SCRAPE_RELAY_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// Where the last good scrapes are kept; without it, in memory
    #[arg(long, env = "SCRAPE_RELAY_CACHE_DIR", value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// How long to go on at SIGTERM while other relays take this one's targets; 0: not at all
    #[arg(long, env = "SCRAPE_RELAY_DRAIN_TIMEOUT", default_value = "25s", value_name = "DURATION", value_parser = duration)]
    pub drain_timeout: Duration,
    /// How much of the load is this relay's part, beside relays that say 1; default: relay.capacity of the
    /// coordinator's file
    #[arg(long, env = "SCRAPE_RELAY_CAPACITY", value_name = "NUMBER")]
    pub capacity: Option<Capacity>,
    /// See there.
    #[command(flatten)]
    pub bind: ListenArgs,
}

/// `scrape-relay standalone`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Without --config it takes the place of metrics-k8s-proxy, which is set up by POD_LABEL_SELECTOR, \
                        SCRAPE_TIMEOUT, PORT and KUBECONFIG. So it does under the name metrics-proxy."
)]
pub struct StandaloneArgs {
    /// The configuration file; read again on SIGHUP and when it changes
    #[arg(long, env = "SCRAPE_RELAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where Prometheus scrapes /metrics; default: 127.0.0.1:15090
    #[arg(long, env = "SCRAPE_RELAY_LISTEN", value_name = "ADDR")]
    pub listen: Option<ListenAddress>,
    /// Own metrics and probes; default: 127.0.0.1:15091, without --config a free port of loopback
    #[arg(long, env = "SCRAPE_RELAY_HTTP_LISTEN", value_name = "ADDR")]
    pub http_listen: Option<ListenAddress>,
    /// Where operators connect, by gRPC; default: 127.0.0.1:15092, without --config a free port of loopback
    #[arg(long, env = "SCRAPE_RELAY_GRPC_LISTEN", value_name = "ADDR")]
    pub grpc_listen: Option<ListenAddress>,
    /// Where the last good scrapes are kept; without it, in memory
    #[arg(long, env = "SCRAPE_RELAY_CACHE_DIR", value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// See there.
    #[command(flatten)]
    pub bind: ListenArgs,
    /// See there.
    #[command(flatten)]
    pub drop_in: DropInArgs,
}

/// What metrics-k8s-proxy is set up by. Its first release had flags, the later ones the environment.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "In the place of metrics-k8s-proxy")]
pub struct DropInArgs {
    /// Which pods are scraped: a label selector of Kubernetes
    #[arg(long, env = "POD_LABEL_SELECTOR", value_name = "SELECTOR")]
    pub labels: Option<String>,
    /// How long one pod, and a page without a time of its own, has: a duration of Go; default: 9s
    #[arg(
        long = "scrape_timeout",
        env = "SCRAPE_TIMEOUT",
        value_name = "DURATION",
        allow_hyphen_values = true
    )]
    pub scrape_timeout: Option<String>,
    /// Where /metrics is, on all addresses; default: 15090
    #[arg(long, env = "PORT", value_name = "PORT", allow_hyphen_values = true)]
    pub port: Option<String>,
}

/// `scrape-relay demo`
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How many exporters
    #[arg(long, env = "SCRAPE_RELAY_DEMO_TARGETS", default_value_t = 300, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub targets: u32,
    /// How many relays
    #[arg(long, env = "SCRAPE_RELAY_DEMO_RELAYS", default_value_t = 3, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=50))]
    pub relays: u32,
    /// Kill an exporter and a relay in turn, bring them back, and say what a scraper sees of it
    #[arg(
        long,
        env = "SCRAPE_RELAY_DEMO_CHAOS",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub chaos: bool,
    /// How long to leave things alone between two steps of --chaos
    #[arg(
        long,
        env = "SCRAPE_RELAY_DEMO_CHAOS_PAUSE",
        default_value = "15s",
        value_name = "DURATION",
        value_parser = duration
    )]
    pub chaos_pause: Duration,
}

/// Which coordinator to ask, and how to print.
#[derive(Clone, Debug, Args)]
pub struct AskArgs {
    /// The coordinator's gRPC address
    #[arg(long, env = "SCRAPE_RELAY_SERVER", default_value = "127.0.0.1:15092", value_name = "ADDR")]
    pub server: String,
    /// How to print
    #[arg(short, long, env = "SCRAPE_RELAY_OUTPUT", default_value = "table", value_name = "FORMAT")]
    pub output: Output,
    /// How long to wait for an answer
    #[arg(long, env = "SCRAPE_RELAY_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub timeout: Duration,
}

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// One JSON document, the API's message in proto3 JSON names.
    Json,
}

/// `scrape-relay discoveries ...`
#[derive(Debug, Subcommand)]
pub enum DiscoveriesCommand {
    /// Lists the watches of Kubernetes clusters with their state and what is wrong
    List {
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
}

/// `scrape-relay explain`
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// An id or its first digits, a URL, an instance, or namespace/pod
    pub target: String,
    /// Whom to ask.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `scrape-relay status`
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `scrape-relay check`
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// A configuration to check, which also says which API servers are asked and how many relays are expected
    #[arg(long, env = "SCRAPE_RELAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Before anything runs: only what needs no coordinator
    #[arg(
        long,
        env = "SCRAPE_RELAY_CHECK_PRE",
        requires = "config",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub pre: bool,
    /// Whom to ask.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `scrape-relay config ...`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Checks files and prints every error with its place
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// How to print
        #[arg(short, long, env = "SCRAPE_RELAY_OUTPUT", default_value = "table", value_name = "FORMAT")]
        output: Output,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    model::duration::parse(text).map_err(|error| error.to_string())
}
