//! Mails as changes (F47): a maildir is looked at from time to time ([`Folder`]).
//!
//! `folder` says what becomes of a file, `mail` reads a mail, and each dialect is a pure function of one, in a file of its
//! own.

mod cvs;
mod folder;
#[cfg(test)]
mod folder_tests;
mod generic;
mod mail;
mod svn;

pub(super) use folder::Folder;
