import { describe, expect, test } from 'vitest';
import { rancherRelease, refuseMovingTag } from './rancher-release.ts';

describe('a release', () => {
  test.each([
    ['rancher/rancher:v2.4.18', { privileged: false, bootstrapPassword: false, cgroupV2: true }],
    ['rancher/rancher:v2.5.0', { privileged: true, bootstrapPassword: false, cgroupV2: false }],
    ['rancher/rancher:v2.6.8', { privileged: true, bootstrapPassword: true, cgroupV2: false }],
    ['rancher/rancher:v2.6.9', { privileged: true, bootstrapPassword: true, cgroupV2: true }],
    ['registry:5000/rancher/rancher:v2.8.5', { privileged: true, bootstrapPassword: true }],
    ['rancher/rancher:v2.12.3-rc1', { privileged: true, bootstrapPassword: true }],
  ])('%s', (image, expected) => {
    expect(rancherRelease(image)).toMatchObject(expected);
  });

  test('has its own words for each level of auditing', () => {
    expect(rancherRelease('r/r:v2.8.5').audit('request')).toEqual({ AUDIT_LEVEL: '2' });
    expect(rancherRelease('r/r:v2.12.0').audit('request')).toEqual({
      AUDIT_LOG_ENABLED: 'true',
      AUDIT_LEVEL: '2',
    });
    expect(rancherRelease('r/r:v2.8.5').audit('metadata')).toEqual({ AUDIT_LEVEL: '1' });
    expect(rancherRelease('r/r:v2.12.0').audit('metadata')).toEqual({
      AUDIT_LOG_ENABLED: 'true',
      AUDIT_LEVEL: '0',
    });
  });
});

describe('a tag that moves', () => {
  test.each([
    'rancher/rancher',
    'rancher/rancher:latest',
    'rancher/rancher:stable',
    'reg:5000/rancher/rancher',
  ])('%s is refused', (image) => {
    expect(() => refuseMovingTag(image)).toThrow(/moves/);
  });

  test.each(['rancher/rancher:v2.8.5', 'reg:5000/rancher/rancher:v2.8.5', 'r/r@sha256:0123'])(
    '%s is fine',
    (image) => {
      expect(() => refuseMovingTag(image)).not.toThrow();
    },
  );
});
