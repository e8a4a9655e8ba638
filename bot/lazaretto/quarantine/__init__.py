"""Where quarantined files lie, encrypted."""

from lazaretto.quarantine.vault import AgeVault, ItemDamaged, VaultError, VaultKeyError

__all__ = ["AgeVault", "ItemDamaged", "VaultError", "VaultKeyError"]
