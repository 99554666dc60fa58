//! `--filter` and `--order-by`, of the verbs that list.

use clap::Args;

/// What of a list is wanted, and in which order.
#[derive(Clone, Debug, Default, Args)]
pub struct Filtered {
    /// Only what this is true of, such as 'state = "IN_USE" AND labels.env = "prod"': the fields are those of -o json, names by full name or id
    #[arg(long, value_name = "FILTER", default_value_t, hide_default_value = true)]
    pub filter: String,
    /// In which order: fields of -o json, such as 'address' or 'display_name desc, address' [default: the order of creation]
    #[arg(long, value_name = "ORDER", default_value_t, hide_default_value = true)]
    pub order_by: String,
}
