<<HEAD>>


<<TWO>>
class FullyConnectedNet(object):
  """
  A fully connected network with any number of hidden layers.
  """

  def __init__(self, hidden_dims, input_dim=3*32*32, num_classes=10,
               <<argument>>=<<default>>, <<norm>>, reg=0.0,
               weight_scale=1e-2, dtype=np.float32, seed=None):
    self.use_batchnorm = <<USES_BN>>
    self.use_layernorm = <<USES_LN>>
    self.use_dropout = <<argument>> <<on>>
    self.reg = reg
    self.num_layers = 1 + len(hidden_dims)
    self.dtype = dtype
    self.params = {}

    dims = [input_dim] + hidden_dims + [num_classes]
    for i in range(self.num_layers):
      self.params['W%d' % (i + 1)] = weight_scale * np.random.randn(dims[i], dims[i + 1])
      self.params['b%d' % (i + 1)] = np.zeros(dims[i + 1])
      if (self.use_batchnorm or self.use_layernorm) and i < self.num_layers - 1:
        self.params['gamma%d' % (i + 1)] = np.ones(dims[i + 1])
        self.params['beta%d' % (i + 1)] = np.zeros(dims[i + 1])

    self.dropout_param = {}
    if self.use_dropout:
      self.dropout_param = {'mode': 'train', 'p': <<argument>>}
      if seed is not None:
        self.dropout_param['seed'] = seed

    self.bn_params = []
    if self.use_batchnorm:
      self.bn_params = [{'mode': 'train'} for i in range(self.num_layers - 1)]
    if self.use_layernorm:
      self.bn_params = [{} for i in range(self.num_layers - 1)]

    for k, v in self.params.items():
      self.params[k] = v.astype(dtype)

  def loss(self, X, y=None):
    X = X.astype(self.dtype)
    mode = 'test' if y is None else 'train'

    # Set train/test mode for batchnorm params and dropout param since they
    # behave differently during training and testing.
    if self.use_dropout:
      self.dropout_param['mode'] = mode
    if self.use_batchnorm:
      for bn_param in self.bn_params:
        bn_param[<<MODE>>] = mode

    scores = None
    out, caches = X, []
    for i in range(1, self.num_layers):
      k = str(i)
      out, fc = affine_forward(out, self.params['W' + k], self.params['b' + k])
      bn = do = None
      if self.use_batchnorm:
        out, bn = batchnorm_forward(out, self.params['gamma' + k], self.params['beta' + k], self.bn_params[i - 1])
      elif self.use_layernorm:
        out, bn = layernorm_forward(out, self.params['gamma' + k], self.params['beta' + k], self.bn_params[i - 1])
      out, relu = relu_forward(out)
      if self.use_dropout:
        out, do = dropout_forward(out, self.dropout_param)
      caches.append((fc, bn, relu, do))
    last = str(self.num_layers)
    scores, cache = affine_forward(out, self.params['W' + last], self.params['b' + last])

    if mode == 'test':
      return scores

    loss, grads = 0.0, {}
    loss, d = softmax_loss(scores, y)
    d, grads['W' + last], grads['b' + last] = affine_backward(d, cache)
    for i in range(self.num_layers - 1, 0, -1):
      k = str(i)
      fc, bn, relu, do = caches[i - 1]
      if self.use_dropout:
        d = dropout_backward(d, do)
      d = relu_backward(d, relu)
      if self.use_batchnorm:
        d, grads['gamma' + k], grads['beta' + k] = batchnorm_backward(d, bn)
      elif self.use_layernorm:
        d, grads['gamma' + k], grads['beta' + k] = layernorm_backward(d, bn)
      d, grads['W' + k], grads['b' + k] = affine_backward(d, fc)
    for i in range(1, self.num_layers + 1):
      w = 'W%d' % i
      loss += 0.5 * self.reg * np.sum(self.params[w] ** 2)
      grads[w] += self.reg * self.params[w]
    return loss, grads
