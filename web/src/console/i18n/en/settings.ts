/** Settings. */

export const settings = {
  settings: {
    title: 'Settings',
    system: 'System',
    drivers: 'Drivers',
    images: 'Images',
    templates: 'Templates',
    providers: 'Providers',
    host: 'Host',
    swap: 'Swap',
    cgroup: 'Control groups',
    none: 'none',
    disk: 'Disk',
    findings: 'Findings',
    findingsAbout: 'Hardening, ports, permissions, drift, versions and disk, as “creel doctor” sees them.',
    again: 'Look again',
    looking: 'Looking …',
    allWell: 'Nothing is wrong.',
    severity: { error: 'Error', warning: 'Warning', ok: 'Well' },
    wells: 'What is well ({count})',
    driversAbout: 'Where instances can run and what they run, and what each of these needs.',
    available: 'Here',
    unavailable: 'Not here',
    needs: 'It needs: {needs}',
    runs: 'Runs {runtimes}',
    runtimes: 'Runtimes',
    notYet: 'Installed with the first instance',
    runtimeNeeds: {
      native: 'nothing; it is a part of Creel',
      openclaw:
        'npm where “creel up” finds it, and once its registry: the first instance installs it. A container has it in its image',
    },
    imagesAbout:
      'What new containers are made from. An instance’s first start pulls what is not on this host, and pins it to its digest.',
    image: 'Image',
    digest: 'Digest',
    present: 'On this host',
    absent: 'Not on this host',
    setImage: 'Image of {runtime}',
    imageHint: 'Such as ghcr.io/openclaw/openclaw:2026.9.6, with or without a digest.',
    templatesAbout:
      'What instances are made from. What is changed here is kept in this home and survives upgrades.',
  },
}
