//! A server that means harm, or has gone mad: whatever it says, the program ends in time with
//! one short error, has held no more than it must, and has pushed nothing.

mod evil;
mod fetch;
mod http;
mod listing;
mod pack;
mod push;
