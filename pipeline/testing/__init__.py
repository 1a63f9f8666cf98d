"""Contract suites, fakes and servers for those who write parts."""
