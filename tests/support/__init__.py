"""What several tests share: small networks, damaged files, jobs in folders, a hub on this machine."""
