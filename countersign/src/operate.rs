//! The operator's commands: the same commands as over HTTP, carried out on the store directly. They work with and
//! without a running service, and running instances hear of them at once.

use crate::config::Config;
use crate::failure::Failure;
use data_service::Operator;

/// The store of an installation, entered by the operator's key.
pub async fn open(config: &Config) -> Result<Operator, Failure> {
    let settings = config.data_service()?;
    let database = &settings.database_url;
    Operator::open(&settings).await.map_err(|error| Failure::refused(format_args!("{database}: {error}")))
}
