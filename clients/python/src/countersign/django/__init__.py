"""Django: sessions and users of a Countersign data service. See the README of the package for the settings."""
