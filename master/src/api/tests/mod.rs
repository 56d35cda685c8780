//! The doors from outside: a whole master in this process, spoken to over its pipe by clients and by scripted workers.

mod force;
mod here;
mod hooks;
mod schedulers;
mod site;
mod speed;
mod transfer;
mod watching;
mod workers;
