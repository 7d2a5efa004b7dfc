//! What `up` tells people once everything answers.

use crate::place::Place;
use shared::secret::Secret;
use std::fmt;

/// What runs where, and what to do next.
pub(super) struct Welcome {
    /// Where services reach the data service.
    pub(super) data_service: String,
    /// Where people sign in, with a slash at the end.
    pub(super) frontend: String,
    /// Where services reach it by ZeroMQ.
    pub(super) zeromq: Vec<String>,
    /// Where plug-ins hear of events.
    pub(super) published: Vec<String>,
    /// The key that ZeroMQ clients must know, if both are encrypted.
    pub(super) server_key: Option<String>,
    /// The secret of the one-time link, while there is no administrator.
    pub(super) link: Option<Secret>,
    /// Where everything is kept.
    pub(super) place: Place,
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.place.file();
        let folder = file.parent().unwrap_or(&file).display();
        let (me, option) = (invoked_as(), self.place.option());
        writeln!(f, "Countersign is running.\n")?;
        writeln!(f, "  people sign in at   {}", self.frontend)?;
        writeln!(f, "  services talk to    {}", self.data_service)?;
        for address in &self.zeromq {
            writeln!(f, "  also by ZeroMQ      {address}")?;
        }
        for address in &self.published {
            writeln!(f, "  events come from    {address}")?;
        }
        if let Some(key) = &self.server_key {
            writeln!(f, "  its CURVE key is    {key}")?;
        }
        writeln!(f, "  everything is in    {folder}\n")?;
        if let Some(link) = &self.link {
            writeln!(f, "There is no administrator yet. This link makes one; it works once and for 24 hours:\n")?;
            writeln!(f, "  {}setup?link={}\n", self.frontend, link.expose())?;
        }
        writeln!(f, "Next, let a service in; then, with what that prints, see that it is heard:\n")?;
        writeln!(f, "  {me} consumer add --service blog{option}")?;
        writeln!(f, "  {me} request GET {}/\n", self.data_service)?;
        write!(f, "Ctrl-C stops it.")
    }
}

/// The command as it was typed, so that what is suggested can be typed too.
fn invoked_as() -> String {
    std::env::args().next().unwrap_or_else(|| "countersign".into())
}
